//! Access and refresh tokens: JWTs (RFC 7519) signed with HS256. They name their key (`kid`), because there are two: the
//! current value of the secret `JWT_SECRET`, and the one before, whose tokens are accepted until they expire.
//!
//! Minting is deterministic: the same session state gives the same bytes. That is how a refresh that lost a
//! race answers the same pair as the one that won it, without tokens ever being stored.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::{Error, Result, Secret, Session, SessionId, Timestamp, UserId, session::ACCESS_TTL, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    App,
    key_derivation::derive,
    secrets::{ACTIVATION_MS, JWT_SECRET, SecretVersion, SecretVersions},
};

const ISSUER: &str = "parlance";
const AUDIENCE: &str = "parlance-api";

/// What a session's owner holds.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// For requests; lives as long as its [`AccessLifetime`].
    pub access: Secret,
    /// For a new pair; valid once.
    pub refresh: Secret,
    /// Life of the access token, seconds.
    pub expires_in: u64,
}

/// How long the access token of a pair lives. The session decides on each request, however long that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLifetime {
    /// 15 minutes ([`ACCESS_TTL`]), for clients that refresh.
    Short,
    /// As long as the session lives without a refresh, for clients that know one token only.
    Session,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenUse {
    Access,
    Refresh,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    #[serde(rename = "typ")]
    usage: TokenUse,
    #[serde(rename = "gen")]
    generation: u64,
    iat: i64,
    exp: i64,
}

/// A token that was issued by us and has not expired.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) generation: u64,
}

/// The keys that verify tokens, of which one signs.
pub(crate) struct SigningKeys {
    current: SigningKey,
    previous: Option<SigningKey>,
    /// When the current one begins to sign: every process knows of it then. Milliseconds since the Unix epoch.
    signs_from_ms: i64,
}

/// What is derived from one value of the secret.
struct SigningKey {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

const INVALID: Error = Error::Unauthorized {
    code: "token_invalid",
    detail: "The token is not valid; sign in again.",
};
const EXPIRED: Error = Error::Unauthorized {
    code: "token_expired",
    detail: "The token has expired; refresh it.",
};

impl SigningKey {
    fn derive(secret: &Secret) -> Result<Self> {
        let derived = |purpose| derive(secret.expose().as_bytes(), ISSUER.as_bytes(), purpose);
        let (key, id) = (derived(b"jwt-hs256")?, derived(b"jwt-kid")?);
        Ok(Self {
            id: hex::encode(&id[..8]),
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
        })
    }

    fn sign(&self, session: &Session, usage: TokenUse, end: Timestamp) -> Result<Secret> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: session.user.clone(),
            sid: session.id.clone(),
            usage,
            generation: session.generation,
            iat: session.rotated_at.as_second(),
            exp: end.as_second(),
        };
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &claims, &self.encoding)
            .map(Secret::new)
            .map_err(Error::internal)
    }
}

impl SigningKeys {
    pub(crate) fn derive(secret: &SecretVersions) -> Result<Self> {
        // Only the first call of a process counts; the provider is the only one compiled in.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let key = |version: &SecretVersion| SigningKey::derive(&version.text);
        Ok(Self {
            current: key(&secret.current)?,
            previous: secret.previous.as_ref().map(key).transpose()?,
            signs_from_ms: secret.current.created_ms.saturating_add(ACTIVATION_MS),
        })
    }

    /// Id of the key that signs what is issued at `now`.
    pub(crate) fn id_at(&self, now: Timestamp) -> &str {
        match &self.previous {
            Some(previous) if now.as_millisecond() < self.signs_from_ms => &previous.id,
            _ => &self.current.id,
        }
    }

    /// The pair of the session's current generation, signed by its key; by the current one when that is gone.
    pub(crate) fn pair(&self, session: &Session, lifetime: AccessLifetime) -> Result<TokenPair> {
        let access_end = match lifetime {
            AccessLifetime::Short => after(session.rotated_at, ACCESS_TTL).min(session.expires_at),
            AccessLifetime::Session => session.expires_at,
        };
        let expires_in = access_end.as_second().saturating_sub(session.rotated_at.as_second());
        let key = self.with_id(&session.signing_key).unwrap_or(&self.current);
        Ok(TokenPair {
            access: key.sign(session, TokenUse::Access, access_end)?,
            refresh: key.sign(session, TokenUse::Refresh, session.expires_at)?,
            expires_in: u64::try_from(expires_in).unwrap_or_default(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }

    fn with_id(&self, id: &str) -> Option<&SigningKey> {
        self.all().find(|key| key.id == id)
    }

    /// The token's content; none when it names a key that is not one of these.
    fn verify(&self, token: &Secret, usage: TokenUse, now: Timestamp) -> Result<Option<Verified>> {
        let header = jsonwebtoken::decode_header(token.expose()).map_err(|_| INVALID)?;
        let candidates: Vec<_> = match &header.kid {
            Some(id) => self.with_id(id).into_iter().collect(),
            // Issued before keys had ids.
            None => self.all().collect(),
        };
        if candidates.is_empty() {
            return Ok(None);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system clock; ours is asked below.
        rules.validate_exp = false;
        let decode = |key: &SigningKey| jsonwebtoken::decode::<Claims>(token.expose(), &key.decoding, &rules).ok();
        let token = candidates.into_iter().find_map(decode).ok_or(INVALID)?;
        let Claims {
            sub,
            sid,
            usage: found,
            generation,
            exp,
            ..
        } = token.claims;
        if found != usage {
            return Err(INVALID);
        }
        if now.as_second() >= exp {
            return Err(EXPIRED);
        }
        Ok(Some(Verified {
            user: sub,
            session: sid,
            generation,
        }))
    }
}

impl App {
    pub(crate) async fn signing_keys(&self) -> Result<Arc<SigningKeys>> {
        let secret = self.secrets.require(JWT_SECRET).await?;
        self.signing_keys.of(&[&secret], || SigningKeys::derive(&secret))
    }

    /// Whose token this is. One that names a key which is not known may be of a newer one.
    ///
    /// # Errors
    /// [`Error::Unauthorized`]; [`Error::Unavailable`] when whether there is such a key cannot be found out now.
    pub(crate) async fn verify_token(&self, token: &Secret, usage: TokenUse) -> Result<Verified> {
        let now = self.clock.now();
        let mut secret = self.secrets.require(JWT_SECRET).await?;
        let keys = self.signing_keys.of(&[&secret], || SigningKeys::derive(&secret))?;
        if let Some(verified) = keys.verify(token, usage, now)? {
            return Ok(verified);
        }
        secret = self.secrets.newer_than(JWT_SECRET, &secret).await?;
        let keys = self.signing_keys.of(&[&secret], || SigningKeys::derive(&secret))?;
        keys.verify(token, usage, now)?.ok_or(INVALID)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    /// The keys of the values of a secret, the current one first.
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

    /// Bytes that look random and are the same in every run (xorshift64*, Vigna 2016).
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

        /// One to three changes, each of a kind that transport, storage or an attacker could make.
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
                    // The beginning of one with the end of another.
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

    /// `PARLANCE_MUTATIONS=1000000` for more.
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
            // Three changes may undo each other, or make another real token.
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
        // It ends with the session also where that is near its absolute end.
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
            "a refresh token is no access token"
        );
        assert!(
            !is_valid(&one, &pair.access, TokenUse::Refresh, at(0)),
            "an access token is no refresh token"
        );
        assert!(!is_valid(&keys(&["two"]), &pair.access, TokenUse::Access, at(0)));
    }
}
