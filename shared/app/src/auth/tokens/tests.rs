//! Which tokens are valid, for what, and how long.

use super::*;

/// Returns the keys for the values of a secret, the current one first.
fn keys(values: &[&str]) -> SigningKeys {
    let mut versions = values.iter().map(|value| SecretVersion::new(value, 1_800_000_000_000));
    let secret = SecretVersions {
        current: versions.next().unwrap(),
        previous: versions.next(),
    };
    SigningKeys::derive(&secret).unwrap()
}

fn is_valid(keys: &SigningKeys, token: &Secret, usage: TokenUse, now: Timestamp) -> bool {
    matches!(keys.verify(token, usage, now), Ok(Some(_)))
}

fn session() -> Session {
    Session::begin(
        SessionId("s".into()),
        UserId("u".into()),
        Timestamp::from_second(1_800_000_000).unwrap(),
    )
}

#[test]
fn the_same_session_state_gives_the_same_bytes_also_after_its_key_was_replaced() {
    let (before, after) = (keys(&["one"]), keys(&["two", "one"]));
    let session = Session {
        signing_key: before.current.id.clone(),
        ..session()
    };
    let (a, b) = (
        before.pair(&session, AccessLifetime::Short).unwrap(),
        after.pair(&session, AccessLifetime::Short).unwrap(),
    );
    assert_eq!((&a.access, &a.refresh), (&b.access, &b.refresh));
    let gone = keys(&["three", "two"]).pair(&session, AccessLifetime::Short).unwrap();
    assert!(gone.refresh != a.refresh);
}

#[test]
fn a_new_key_signs_when_every_process_knows_of_it() {
    let (first, second) = (keys(&["one"]), keys(&["two", "one"]));
    let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
    assert_eq!(first.id_at(at(0)), first.current.id);
    assert_eq!(second.id_at(at(89)), first.current.id);
    assert_eq!(second.id_at(at(90)), second.current.id);
}

#[test]
fn a_token_of_the_key_before_is_valid_and_one_of_the_key_before_that_is_of_an_unknown_key() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let pair = keys(&["one"]).pair(&session(), AccessLifetime::Short).unwrap();
    for (values, expected) in [
        (&["one"][..], true),
        (&["two", "one"], true),
        (&["three", "two"], false),
    ] {
        assert_eq!(
            is_valid(&keys(values), &pair.access, TokenUse::Access, now),
            expected,
            "{values:?}"
        );
    }
    let unknown = keys(&["three", "two"]).verify(&pair.access, TokenUse::Access, now);
    assert!(matches!(unknown, Ok(None)));
}

/// Pseudorandom bytes that are the same in every run (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % end
    }

    fn byte(&mut self) -> u8 {
        const COMMON: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/";
        if self.below(8) == 0 {
            u8::try_from(self.below(128)).unwrap()
        } else {
            COMMON[self.below(COMMON.len())]
        }
    }

    /// Applies one to three changes, each of a kind that transport, storage or an attacker could make.
    fn mutate(&mut self, token: &str, other: &str) -> String {
        let mut bytes = token.as_bytes().to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes[at] = self.byte(),
                1 => bytes[at] ^= 1 << self.below(7),
                2 => bytes.insert(at, self.byte()),
                3 => drop(bytes.remove(at)),
                4 => {
                    let to = self.below(bytes.len());
                    bytes.swap(at, to);
                }
                5 => bytes.truncate(at.max(1)),
                6 => bytes.extend_from_slice(&other.as_bytes()[self.below(other.len())..]),
                // The start of one with the end of the other.
                _ => {
                    bytes.truncate(at.max(1));
                    bytes.extend_from_slice(&other.as_bytes()[at.min(other.len())..]);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'.');
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Set `PARLANCE_MUTATIONS=1000000` for more.
#[test]
fn no_mutation_of_a_token_is_accepted() {
    let wanted = std::env::var("PARLANCE_MUTATIONS").ok();
    let wanted: usize = wanted.map_or(20_000, |wanted| wanted.parse().unwrap());
    let keys = keys(&["one"]);
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let other = Session::begin(SessionId("t".into()), UserId("v".into()), now);
    let (pair, other) = (
        keys.pair(&session(), AccessLifetime::Short).unwrap(),
        keys.pair(&other, AccessLifetime::Short).unwrap(),
    );
    let real = [&pair.access, &pair.refresh, &other.access, &other.refresh].map(Secret::expose);
    let (mut dice, mut tried) = (Dice(0x5EED), 0);
    while tried < wanted {
        let (from, with) = (dice.below(4), dice.below(4));
        let mutant = dice.mutate(real[from], real[with]);
        // Three changes may cancel each other out, or produce another valid token.
        if real.contains(&mutant.as_str()) {
            continue;
        }
        tried += 1;
        let mutant = Secret::new(mutant);
        let accepted = [TokenUse::Access, TokenUse::Refresh].map(|usage| is_valid(&keys, &mutant, usage, now));
        assert_eq!(accepted, [false, false], "number {tried}: {}", mutant.expose());
    }
    assert!(is_valid(&keys, &pair.access, TokenUse::Access, now));
    assert!(is_valid(&keys, &other.refresh, TokenUse::Refresh, now));
}

#[test]
fn an_access_token_may_live_as_long_as_its_session() {
    let (session, one) = (session(), keys(&["one"]));
    let pair = one.pair(&session, AccessLifetime::Session).unwrap();
    let month = 30 * 24 * 3600;
    let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
    assert_eq!(pair.expires_in, 30 * 24 * 3600);
    assert!(is_valid(&one, &pair.access, TokenUse::Access, at(month - 1)));
    assert!(!is_valid(&one, &pair.access, TokenUse::Access, at(month)));
    assert!(!is_valid(&one, &pair.access, TokenUse::Refresh, at(0)));
    // It also ends with the session near the session's absolute end.
    let late = session.rotated(at(80 * 24 * 3600), &one.current.id);
    assert_eq!(
        one.pair(&late, AccessLifetime::Session).unwrap().expires_in,
        10 * 24 * 3600
    );
}

#[test]
fn a_token_is_good_for_its_use_its_time_and_its_key_only() {
    let (session, one) = (session(), keys(&["one"]));
    let pair = one.pair(&session, AccessLifetime::Short).unwrap();
    let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
    assert!(is_valid(&one, &pair.access, TokenUse::Access, at(899)));
    assert!(matches!(
        one.verify(&pair.access, TokenUse::Access, at(900)),
        Err(Error::Unauthorized {
            code: "token_expired",
            ..
        })
    ));
    assert!(
        !is_valid(&one, &pair.refresh, TokenUse::Access, at(0)),
        "a refresh token is not an access token"
    );
    assert!(
        !is_valid(&one, &pair.access, TokenUse::Refresh, at(0)),
        "an access token is not a refresh token"
    );
    assert!(!is_valid(&keys(&["two"]), &pair.access, TokenUse::Access, at(0)));
}
