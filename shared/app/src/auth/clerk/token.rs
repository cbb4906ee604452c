//! Clerk session tokens: only RS256, from the one configured issuer
//! (<https://clerk.com/docs/backend-requests/resources/session-tokens>).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Email, Error, Result, Secret};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::{ClerkPerson, jwks::Jwks};
use crate::ClerkConfig;

/// How far Clerk's clock may be ahead of ours, in seconds. The expiry of a token is taken literally.
const LEEWAY_SECONDS: i64 = 5;

const INVALID: Error = Error::Unauthorized {
    code: "token_invalid",
    detail: "The token is invalid. Sign in again.",
};
const EXPIRED: Error = Error::Unauthorized {
    code: "token_expired",
    detail: "The token has expired. Request a new one from Clerk.",
};

/// Verifies session tokens.
pub(crate) struct Verifier(Option<(ClerkConfig, Jwks)>);

/// A currently valid session.
#[derive(Debug)]
pub(crate) struct ClerkSession {
    /// Its ID.
    pub(crate) id: String,
    /// The user who signed in.
    pub(crate) person: ClerkPerson,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    exp: i64,
    nbf: Option<i64>,
    azp: Option<String>,
    /// `pending` while the user has to complete a step at Clerk.
    sts: Option<String>,
    // Can be added to the tokens by an operator, with any type.
    email: Option<Value>,
    email_verified: Option<Value>,
    name: Option<Value>,
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

impl Verifier {
    pub(crate) fn new(config: Option<ClerkConfig>, http: reqwest::Client) -> Self {
        Self(config.map(|config| {
            let keys = Jwks::new(&config.jwks_url, http);
            (config, keys)
        }))
    }

    /// Returns whether the token claims to be Clerk's. This only selects the verifier and proves nothing.
    pub(crate) fn issued(&self, token: &Secret) -> bool {
        let Some((config, _)) = &self.0 else { return false };
        let claims = || {
            let payload = token.expose().split('.').nth(1)?;
            serde_json::from_slice::<Issuer>(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
        };
        claims().is_some_and(|claims| claims.iss == config.issuer)
    }

    /// Makes the next use fetch the keys again.
    pub(crate) async fn clear(&self) {
        if let Some((_, keys)) = &self.0 {
            keys.expire().await;
        }
    }

    /// Returns the session of a token.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`], or [`Error::Unavailable`] if Clerk's keys cannot be fetched.
    pub(crate) async fn verify(&self, token: &Secret, now_ms: i64) -> Result<ClerkSession> {
        let (config, keys) = self.0.as_ref().ok_or(INVALID)?;
        // Only the first call per process has an effect; no other provider is compiled in.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let header = jsonwebtoken::decode_header(token.expose()).map_err(|_| INVALID)?;
        if header.alg != Algorithm::RS256 {
            return Err(INVALID);
        }
        let key = keys.key(&header.kid.ok_or(INVALID)?, now_ms).await?.ok_or(INVALID)?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_issuer(&[&config.issuer]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Clerk's tokens name their party in `azp`; operators can set `aud` freely.
        rules.validate_aud = false;
        // The library would use the system clock; the injected clock is used below.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token.expose(), &key, &rules);
        let claims = claims.map_err(|_| INVALID)?.claims;
        let now = now_ms.div_euclid(1000);
        if now >= claims.exp {
            return Err(EXPIRED);
        }
        let is_early = claims.nbf.is_some_and(|from| now.saturating_add(LEEWAY_SECONDS) < from);
        let is_of_others = claims
            .azp
            .as_ref()
            .is_some_and(|party| !config.authorized_parties.is_empty() && !config.authorized_parties.contains(party));
        let is_pending = claims.sts.as_deref() == Some("pending");
        if is_early || is_of_others || is_pending || claims.sid.is_empty() || claims.sid.len() > 100 {
            return Err(INVALID);
        }
        Ok(ClerkSession {
            person: person(&claims)?,
            id: claims.sid,
        })
    }
}

/// An address that Clerk has not verified is omitted, because it proves nothing.
fn person(claims: &Claims) -> Result<ClerkPerson> {
    let verified = claims.email_verified.as_ref().and_then(Value::as_bool) == Some(true);
    let email = claims.email.as_ref().and_then(Value::as_str).filter(|_| verified);
    let email = email.and_then(|email| Email::parse(email).ok());
    let name = claims.name.as_ref().and_then(Value::as_str);
    let person = ClerkPerson::new(&claims.sub, email, name).map_err(|_| INVALID)?;
    Ok(person.verified())
}
