//! Password hashing: Argon2id with m=19456 KiB, t=2, p=1 (OWASP Password Storage Cheat Sheet).

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use domain::{Error, NewPassword, Result, Secret};
use tokio::task::spawn_blocking;

/// Hashes and verifies passwords on blocking threads.
pub(crate) struct Passwords {
    /// Hash of a password that nobody knows, so that an unknown account takes the same time as a known one.
    decoy: String,
}

fn argon2() -> Argon2<'static> {
    // These are also the crate's defaults; they are explicit because stored hashes depend on them.
    let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &[u8]) -> Result<String> {
    argon2()
        .hash_password(password)
        .map(|hash| hash.to_string())
        .map_err(|e| Error::internal(e.to_string()))
}

impl Passwords {
    pub(crate) fn new() -> Result<Self> {
        // A well-formed hash with random salt and output: verifying against it costs the same and never succeeds.
        let encode = |bytes: &[u8]| argon2::password_hash::phc::Output::new(bytes).map(|o| o.to_string());
        let salt = encode(&domain::id::random_bytes::<16>()?).map_err(|e| Error::internal(e.to_string()))?;
        let output = encode(&domain::id::random_bytes::<32>()?).map_err(|e| Error::internal(e.to_string()))?;
        Ok(Self {
            decoy: format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${output}"),
        })
    }

    /// Returns the PHC string of a new password.
    pub(crate) async fn hash(&self, password: &NewPassword) -> Result<String> {
        let password = password.secret().clone();
        spawn_blocking(move || hash(password.expose().as_bytes()))
            .await
            .map_err(Error::internal)?
    }

    /// Returns whether `password` matches `hash`, regardless of its Unicode composition. Without a hash it takes the
    /// same time and returns `false`.
    pub(crate) async fn verify(&self, password: &Secret, hash: Option<String>) -> Result<bool> {
        let Some(password) = domain::auth::password::normalized(password.clone()) else {
            return Ok(false);
        };
        if password.expose().chars().count() > NewPassword::MAX {
            return Ok(false);
        }
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let matches = spawn_blocking(move || {
            argon2()
                .verify_password(password.expose().as_bytes(), hash.as_str())
                .is_ok()
        });
        Ok(matches.await.map_err(Error::internal)? && known)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_verifies_and_no_hash_never_does() {
        let passwords = Passwords::new().unwrap();
        let secret = Secret::new("correct horse battery");
        let hash = passwords
            .hash(&NewPassword::parse(secret.clone(), "/password").unwrap())
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(&secret, Some(hash.clone())).await.unwrap());
        assert!(
            !passwords
                .verify(&Secret::new("correct horse batterx"), Some(hash))
                .await
                .unwrap()
        );
        assert!(!passwords.verify(&secret, None).await.unwrap());
    }

    #[test]
    fn the_decoy_is_a_hash_that_is_really_computed() {
        let decoy = Passwords::new().unwrap().decoy;
        let parsed = argon2::password_hash::phc::PasswordHash::new(&decoy).unwrap();
        assert_eq!(parsed.hash.unwrap().len(), 32);
        assert_eq!(parsed.params.to_string(), "m=19456,t=2,p=1");
    }
}
