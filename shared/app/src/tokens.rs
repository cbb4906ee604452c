//! Access and refresh tokens: JWTs (RFC 7519) signed with HS256 under one secret.
//!
//! Minting is deterministic: the same session state gives the same bytes. That is how a refresh that lost a
//! race answers the same pair as the one that won it, without tokens ever being stored.

use aws_lc_rs::hkdf;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::{Error, Result, Secret, Session, SessionId, Timestamp, UserId, session::ACCESS_TTL, time::after};
use serde::{Deserialize, Serialize};

use crate::App;

const ISSUER: &str = "parlance";
const AUDIENCE: &str = "parlance-api";

/// What a session's owner holds.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// For requests; lives 15 minutes.
    pub access: Secret,
    /// For a new pair; valid once.
    pub refresh: Secret,
    /// Life of the access token, seconds.
    pub expires_in: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Use {
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
    usage: Use,
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

/// Keys derived from the secret `JWT_SECRET`, one for each purpose.
pub(crate) struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    sealing: [u8; 32],
}

const INVALID: Error = Error::Unauthorized {
    code: "token_invalid",
    detail: "The token is not valid; sign in again.",
};
const EXPIRED: Error = Error::Unauthorized {
    code: "token_expired",
    detail: "The token has expired; refresh it.",
};

impl Keys {
    pub(crate) fn derive(secret: &Secret) -> Result<Self> {
        // Only the first call of a process counts; the provider is the only one compiled in.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, ISSUER.as_bytes()).extract(secret.expose().as_bytes());
        let derive = |purpose: &[u8]| -> Result<[u8; 32]> {
            let mut key = [0; 32];
            let fill = |_| Error::internal("key derivation failed");
            root.expand(&[purpose], hkdf::HKDF_SHA256)
                .map_err(fill)?
                .fill(&mut key)
                .map_err(fill)?;
            Ok(key)
        };
        let signing = derive(b"jwt-hs256")?;
        Ok(Self {
            encoding: EncodingKey::from_secret(&signing),
            decoding: DecodingKey::from_secret(&signing),
            sealing: derive(b"sealing")?,
        })
    }

    pub(crate) fn sealing(&self) -> [u8; 32] {
        self.sealing
    }

    /// The pair of the session's current generation.
    pub(crate) fn pair(&self, session: &Session) -> Result<TokenPair> {
        let access_end = after(session.rotated_at, ACCESS_TTL).min(session.expires_at);
        Ok(TokenPair {
            access: self.sign(session, Use::Access, access_end)?,
            refresh: self.sign(session, Use::Refresh, session.expires_at)?,
            expires_in: ACCESS_TTL.as_secs(),
        })
    }

    fn sign(&self, session: &Session, usage: Use, end: Timestamp) -> Result<Secret> {
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
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map(Secret::new)
            .map_err(Error::internal)
    }

    pub(crate) fn access(&self, token: &Secret, now: Timestamp) -> Result<Verified> {
        self.verify(token, Use::Access, now)
    }

    pub(crate) fn refresh(&self, token: &Secret, now: Timestamp) -> Result<Verified> {
        self.verify(token, Use::Refresh, now)
    }

    fn verify(&self, token: &Secret, usage: Use, now: Timestamp) -> Result<Verified> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system clock; ours is asked below.
        rules.validate_exp = false;
        let token = jsonwebtoken::decode::<Claims>(token.expose(), &self.decoding, &rules).map_err(|_| INVALID)?;
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
        Ok(Verified {
            user: sub,
            session: sid,
            generation,
        })
    }
}

impl App {
    pub(crate) async fn keys(&self) -> Result<&Keys> {
        self.keys
            .get_or_try_init(|| async { Keys::derive(&self.secrets.require("JWT_SECRET").await?) })
            .await
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::begin(
            SessionId("s".into()),
            UserId("u".into()),
            Timestamp::from_second(1_800_000_000).unwrap(),
        )
    }

    #[test]
    fn the_same_session_state_gives_the_same_bytes() {
        let keys = Keys::derive(&Secret::new("one")).unwrap();
        let (a, b) = (keys.pair(&session()).unwrap(), keys.pair(&session()).unwrap());
        assert_eq!((a.access, a.refresh), (b.access, b.refresh));
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
        let keys = Keys::derive(&Secret::new("one")).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let other = Session::begin(SessionId("t".into()), UserId("v".into()), now);
        let (pair, other) = (keys.pair(&session()).unwrap(), keys.pair(&other).unwrap());
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
            let accepted = keys.access(&mutant, now).is_ok() || keys.refresh(&mutant, now).is_ok();
            assert!(!accepted, "number {tried}: {}", mutant.expose());
        }
        assert!(keys.access(&pair.access, now).is_ok() && keys.refresh(&other.refresh, now).is_ok());
    }

    #[test]
    fn a_token_is_good_for_its_use_its_time_and_its_key_only() {
        let (session, keys) = (session(), Keys::derive(&Secret::new("one")).unwrap());
        let pair = keys.pair(&session).unwrap();
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        assert!(keys.access(&pair.access, at(899)).is_ok());
        assert!(matches!(
            keys.access(&pair.access, at(900)),
            Err(Error::Unauthorized {
                code: "token_expired",
                ..
            })
        ));
        assert!(
            keys.access(&pair.refresh, at(0)).is_err(),
            "a refresh token is no access token"
        );
        assert!(
            keys.refresh(&pair.access, at(0)).is_err(),
            "an access token is no refresh token"
        );
        assert!(
            Keys::derive(&Secret::new("two"))
                .unwrap()
                .access(&pair.access, at(0))
                .is_err()
        );
    }
}
