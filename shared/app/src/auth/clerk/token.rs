//! Session tokens of Clerk: RS256 and nothing else, from the one issuer that is configured
//! (<https://clerk.com/docs/backend-requests/resources/session-tokens>).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Email, Error, Result, Secret};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::{ClerkPerson, jwks::Jwks};
use crate::ClerkConfig;

/// How far Clerk's clock may be ahead of ours, seconds. The end of a token is taken as it is.
const LEEWAY_SECONDS: i64 = 5;

const INVALID: Error = Error::Unauthorized {
    code: "token_invalid",
    detail: "The token is not valid; sign in again.",
};
const EXPIRED: Error = Error::Unauthorized {
    code: "token_expired",
    detail: "The token has expired; get a new one from Clerk.",
};

/// Checks session tokens.
pub(crate) struct Verifier(Option<(ClerkConfig, Jwks)>);

/// A session that is valid now.
#[derive(Debug)]
pub(crate) struct ClerkSession {
    /// Its ID.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) person: ClerkPerson,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    exp: i64,
    nbf: Option<i64>,
    azp: Option<String>,
    /// `pending` while the person has something left to do at Clerk.
    sts: Option<String>,
    // What an operator may add to their tokens, of whatever type.
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

    /// Whether the token claims to be Clerk's. That is no proof: it chooses who checks it.
    pub(crate) fn issued(&self, token: &Secret) -> bool {
        let Some((config, _)) = &self.0 else { return false };
        let claims = || {
            let payload = token.expose().split('.').nth(1)?;
            serde_json::from_slice::<Issuer>(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
        };
        claims().is_some_and(|claims| claims.iss == config.issuer)
    }

    /// Fetches the keys again when they are next needed.
    pub(crate) async fn clear(&self) {
        if let Some((_, keys)) = &self.0 {
            keys.expire().await;
        }
    }

    /// The session of this token.
    ///
    /// # Errors
    /// [`Error::Unauthorized`]; [`Error::Unavailable`] when Clerk's keys cannot be had.
    pub(crate) async fn verify(&self, token: &Secret, now_ms: i64) -> Result<ClerkSession> {
        let (config, keys) = self.0.as_ref().ok_or(INVALID)?;
        // Only the first call of a process counts; the provider is the only one compiled in.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let header = jsonwebtoken::decode_header(token.expose()).map_err(|_| INVALID)?;
        if header.alg != Algorithm::RS256 {
            return Err(INVALID);
        }
        let key = keys.key(&header.kid.ok_or(INVALID)?, now_ms).await?.ok_or(INVALID)?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_issuer(&[&config.issuer]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Its tokens are for the parties in `azp`; `aud` is the operator's to set.
        rules.validate_aud = false;
        // The library would ask the system clock; ours is asked below.
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

/// An address that Clerk has not verified says nothing, so it is left out.
fn person(claims: &Claims) -> Result<ClerkPerson> {
    let verified = claims.email_verified.as_ref().and_then(Value::as_bool) == Some(true);
    let email = claims.email.as_ref().and_then(Value::as_str).filter(|_| verified);
    let email = email.and_then(|email| Email::parse(email).ok());
    let name = claims.name.as_ref().and_then(Value::as_str);
    let person = ClerkPerson::new(&claims.sub, email, name).map_err(|_| INVALID)?;
    Ok(person.verified())
}
