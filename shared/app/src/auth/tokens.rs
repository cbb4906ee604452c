//! Access and refresh tokens: JWTs (RFC 7519) signed with HS256. They name their key (`kid`), because there are two:
//! the current value of the secret `JWT_SECRET`, and the previous one, whose tokens are accepted until they expire.
//!
//! Minting is deterministic: the same session state yields the same bytes. A refresh that lost a race therefore returns
//! the same pair as the one that won, without tokens ever being stored.

use std::sync::Arc;

use domain::{Error, Result, Secret, Session, SessionId, Timestamp, UserId, auth::session::ACCESS_TTL, time::after};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    App,
    auth::key_derivation::derive,
    platform::secrets::{ACTIVATION_MS, JWT_SECRET, SecretVersion, SecretVersions},
};

pub(crate) const ISSUER: &str = "parlance";
const AUDIENCE: &str = "parlance-api";

/// The tokens of a session.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// The access token for requests; its lifetime is the [`AccessLifetime`].
    pub access: Secret,
    /// The refresh token for a new pair; valid once.
    pub refresh: Secret,
    /// Lifetime of the access token, in seconds.
    pub expires_in: u64,
}

/// The lifetime of an access token. The session is checked on each request, however long that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLifetime {
    /// 15 minutes ([`ACCESS_TTL`]), for clients that refresh.
    Short,
    /// As long as the session lasts without a refresh, for clients that support only one token.
    Session,
}

/// The purpose of a token.
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

/// A token that was issued here and has not expired.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) generation: u64,
}

/// The keys that verify tokens; one of them signs.
pub(crate) struct SigningKeys {
    current: SigningKey,
    previous: Option<SigningKey>,
    /// When the current key starts signing, because every process knows it by then. In milliseconds since the Unix
    /// epoch.
    signs_from_ms: i64,
}

/// The keys derived from one value of the secret.
struct SigningKey {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

const INVALID: Error = Error::Unauthorized {
    code: "token_invalid",
    detail: "The token is invalid. Sign in again.",
};
const EXPIRED: Error = Error::Unauthorized {
    code: "token_expired",
    detail: "The token has expired. Refresh it.",
};

/// Makes the crypto library known to the JWT library. Only the first call per process has an effect; no other one is
/// compiled in.
pub(crate) fn install_crypto() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

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
        self.sign_claims(&claims)
    }

    fn sign_claims(&self, claims: &impl Serialize) -> Result<Secret> {
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding)
            .map(Secret::new)
            .map_err(Error::internal)
    }
}

impl SigningKeys {
    pub(crate) fn derive(secret: &SecretVersions) -> Result<Self> {
        install_crypto();
        let key = |version: &SecretVersion| SigningKey::derive(&version.text);
        Ok(Self {
            current: key(&secret.current)?,
            previous: secret.previous.as_ref().map(key).transpose()?,
            signs_from_ms: secret.current.created_ms.saturating_add(ACTIVATION_MS),
        })
    }

    /// Returns the ID of the key that signs tokens issued at `now`.
    pub(crate) fn id_at(&self, now: Timestamp) -> &str {
        &self.at(now).id
    }

    fn at(&self, now: Timestamp) -> &SigningKey {
        match &self.previous {
            Some(previous) if now.as_millisecond() < self.signs_from_ms => previous,
            _ => &self.current,
        }
    }

    /// Signs claims that name this issuer and an audience of their own, at `now`.
    pub(crate) fn sign_claims(&self, claims: &impl Serialize, now: Timestamp) -> Result<Secret> {
        self.at(now).sign_claims(claims)
    }

    /// Returns the pair of the session's current generation, signed by its key, or by the current key if that is gone.
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

    /// Returns the claims of a token for this audience, or `None` if it names a key that is not one of these. Whether it
    /// has expired is for the caller to check.
    fn decode<T: DeserializeOwned>(&self, token: &Secret, audience: &str) -> Result<Option<T>> {
        let header = jsonwebtoken::decode_header(token.expose()).map_err(|_| INVALID)?;
        let candidates: Vec<_> = match &header.kid {
            Some(id) => self.with_id(id).into_iter().collect(),
            // Issued before keys had IDs.
            None => self.all().collect(),
        };
        if candidates.is_empty() {
            return Ok(None);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would use the system clock instead of the injected one.
        rules.validate_exp = false;
        let decode = |key: &SigningKey| jsonwebtoken::decode::<T>(token.expose(), &key.decoding, &rules).ok();
        let token = candidates.into_iter().find_map(decode).ok_or(INVALID)?;
        Ok(Some(token.claims))
    }

    /// Returns the token's content, or `None` if it names a key that is not one of these.
    fn verify(&self, token: &Secret, usage: TokenUse, now: Timestamp) -> Result<Option<Verified>> {
        let Some(claims) = self.decode::<Claims>(token, AUDIENCE)? else {
            return Ok(None);
        };
        let Claims {
            sub,
            sid,
            usage: found,
            generation,
            exp,
            ..
        } = claims;
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

    /// Returns the claims of a token for this audience. Whether it has expired is for the caller to check.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`], or [`Error::Unavailable`] if it cannot be determined whether its key exists.
    pub(crate) async fn verify_claims<T: DeserializeOwned>(&self, token: &Secret, audience: &str) -> Result<T> {
        self.with_keys(|keys| keys.decode(token, audience)).await
    }

    /// Returns the verified token. A token with an unknown key may have been signed by a newer one.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`], or [`Error::Unavailable`] if it cannot be determined whether such a key exists.
    pub(crate) async fn verify_token(&self, token: &Secret, usage: TokenUse) -> Result<Verified> {
        let now = self.clock.now();
        self.with_keys(|keys| keys.verify(token, usage, now)).await
    }

    /// Returns what the keys find, or newer keys if they do not know that of the token.
    async fn with_keys<T>(&self, find: impl Fn(&SigningKeys) -> Result<Option<T>>) -> Result<T> {
        let mut secret = self.secrets.require(JWT_SECRET).await?;
        let keys = self.signing_keys.of(&[&secret], || SigningKeys::derive(&secret))?;
        if let Some(found) = find(&keys)? {
            return Ok(found);
        }
        secret = self.secrets.newer_than(JWT_SECRET, &secret).await?;
        let keys = self.signing_keys.of(&[&secret], || SigningKeys::derive(&secret))?;
        find(&keys)?.ok_or(INVALID)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests;
