//! Secrets that organizations entrust to us (tokens, signing secrets, passwords of databases): stored encrypted, and
//! bound to their place, so that a ciphertext copied to another organization or entity cannot be decrypted there.
//!
//! One key ring encrypts all of them: a secret in Secrets Manager for each would cost $0.40 a month.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{EncryptedSecret, Error, OrgId, Result, Secret};
use futures::future::BoxFuture;

use crate::{App, Undecryptable};

/// Encryption purpose of stored secrets.
const PURPOSE: &str = "stored secret";

/// Where a secret is stored. It can be decrypted for the same place only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecretPlace<'a> {
    /// The organization.
    pub tenant: &'a OrgId,
    /// Kind of entity and name of the field, such as `integration.bot_token`.
    pub field: &'static str,
    /// ID of the entity.
    pub id: &'a str,
}

impl SecretPlace<'_> {
    /// Returns what the ciphertext is bound to. The parts are prefixed with their lengths, so no two places are equal.
    fn context(&self) -> Vec<u8> {
        let parts = [self.tenant.as_str(), self.field, self.id];
        let parts = parts.map(|part| format!("{}:{part}", part.len()));
        parts.concat().into_bytes()
    }
}

impl App {
    /// Encrypts a secret for its place.
    pub(crate) fn encrypt_secret<'a>(
        &'a self,
        place: SecretPlace<'a>,
        secret: &'a Secret,
    ) -> BoxFuture<'a, Result<EncryptedSecret>> {
        Box::pin(async move {
            let cipher = self.cipher(place.tenant.as_str().as_bytes(), PURPOSE).await?;
            let encrypted = cipher.encrypt(&place.context(), secret.expose().as_bytes())?;
            Ok(EncryptedSecret(STANDARD.encode(encrypted)))
        })
    }

    /// Decrypts a secret of this place.
    ///
    /// # Errors
    /// Returns [`Error::Internal`], which quotes nothing of it, if it was encrypted for another place or was altered.
    pub(crate) fn decrypt_secret<'a>(
        &'a self,
        place: SecretPlace<'a>,
        encrypted: &'a EncryptedSecret,
    ) -> BoxFuture<'a, Result<Secret>> {
        Box::pin(async move {
            let unreadable = |_| Error::internal(format!("the secret {} cannot be decrypted", place.field));
            let encrypted = STANDARD
                .decode(&encrypted.0)
                .map_err(|_| unreadable(Undecryptable::Altered))?;
            let (salt, context) = (place.tenant.as_str().as_bytes(), place.context());
            let mut text = self.cipher(salt, PURPOSE).await?.decrypt(&context, &encrypted);
            if text == Err(Undecryptable::UnknownKey) {
                text = self.newest_cipher(salt, PURPOSE).await?.decrypt(&context, &encrypted);
            }
            let text = String::from_utf8(text.map_err(unreadable)?);
            text.map(Secret::new).map_err(|_| unreadable(Undecryptable::Altered))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_are_equal() {
        let context = |tenant: &str, field, id: &str| {
            let tenant = OrgId(tenant.to_owned());
            let tenant = &tenant;
            SecretPlace { tenant, field, id }.context()
        };
        let place = context("a", "integration.bot_token", "1");
        for other in [
            context("b", "integration.bot_token", "1"),
            context("a", "integration.signing_secret", "1"),
            context("a", "integration.bot_token", "2"),
            context("a21:integration.bot_token", "integration.bot_token", "1"),
            context("a", "integration.bot", "_token1"),
        ] {
            assert_ne!(place, other);
        }
    }
}
