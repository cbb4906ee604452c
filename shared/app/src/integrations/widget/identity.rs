//! Visitors whom a web site has signed in: a JWT (RFC 7519) that the site signs with the secret of its integration.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Actor, Error, Integration, IntegrationId, IntegrationType, Membership, OrgId, Result, Secret, Timestamp,
    id::random_bytes, integrations::visitor::Visitor,
};
use futures::future::BoxFuture;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::{App, auth::tokens::install_crypto, platform::stored_secrets::SecretPlace};

/// Field of an integration's secret.
const FIELD: &str = "integration.identity_secret";
/// Longest accepted token, in bytes.
const MAX_TOKEN: usize = 4_096;
/// Clocks of web sites may be this many seconds fast.
const LEEWAY: i64 = 60;

const INVALID: Error = Error::Unauthorized {
    code: "identity_invalid",
    detail: "The site could not show who you are. Reload the page, or sign in there again.",
};
const REQUIRED: Error = Error::Unauthorized {
    code: "identity_required",
    detail: "Sign in to this site to ask a question.",
};

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
}

impl App {
    /// Creates the secret with which a web site signs who its visitors are. An earlier one is no longer accepted.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`, and [`Error::Conflict`] `not_a_website`.
    pub fn rotate_identity_secret<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a IntegrationId,
    ) -> BoxFuture<'a, Result<Secret>> {
        Box::pin(async move {
            let secret = Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>()?));
            let encrypted = self.encrypt_secret(place(&member.org, id), &secret).await?;
            let change = |integration: &mut Integration| {
                if integration.kind != IntegrationType::Website {
                    let detail = "Only an integration of the type website has such a secret.";
                    return Err(Error::conflict("not_a_website", detail));
                }
                integration.identity_secret = Some(encrypted.clone());
                Ok(())
            };
            let why = (actor, "integration.identity_secret_created");
            self.change_integration((&member.org, id), Some(member), why, change)
                .await?;
            Ok(secret)
        })
    }

    /// Returns who a visitor is by their site.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] `identity_invalid`, or `identity_required` without a token where one is needed.
    pub(super) async fn visitor(&self, integration: &Integration, token: Option<&Secret>) -> Result<Option<Visitor>> {
        let Some(token) = token.filter(|token| !token.expose().is_empty()) else {
            return if integration.website.identity_required {
                Err(REQUIRED)
            } else {
                Ok(None)
            };
        };
        let encrypted = integration.identity_secret.as_ref().ok_or(INVALID)?;
        let secret = self
            .decrypt_secret(place(&integration.org, &integration.id), encrypted)
            .await?;
        verified(token, &secret, self.clock.now()).map(Some)
    }
}

fn place<'a>(org: &'a OrgId, id: &'a IntegrationId) -> SecretPlace<'a> {
    SecretPlace {
        tenant: org,
        field: FIELD,
        id: id.as_str(),
    }
}

/// Returns the visitor in a token that was signed with this secret and is valid now.
fn verified(token: &Secret, secret: &Secret, now: Timestamp) -> Result<Visitor> {
    if token.expose().len() > MAX_TOKEN {
        return Err(INVALID);
    }
    install_crypto();
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_required_spec_claims(&["exp", "sub"]);
    // The site's own; and the library would use the system clock.
    (rules.validate_aud, rules.validate_exp) = (false, false);
    let key = DecodingKey::from_secret(secret.expose().as_bytes());
    let claims = jsonwebtoken::decode::<Claims>(token.expose(), &key, &rules).map_err(|_| INVALID)?;
    let Claims {
        sub,
        name,
        email,
        exp,
        nbf,
    } = claims.claims;
    let now = now.as_second();
    let is_valid = now < exp && nbf.is_none_or(|from| from <= now + LEEWAY);
    let is_short = |text: &str, most: usize| !text.trim().is_empty() && text.chars().count() <= most;
    if !is_valid || !is_short(&sub, Visitor::MAX_NAME) {
        return Err(INVALID);
    }
    Ok(Visitor {
        id: Some(sub),
        name: name.filter(|name| is_short(name, Visitor::MAX_NAME)),
        email: email.filter(|email| is_short(email, Visitor::MAX_EMAIL)),
        ..Visitor::default()
    })
}
