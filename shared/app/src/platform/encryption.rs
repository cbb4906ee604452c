//! Encryption of data in tables and of values held by clients: AES-256-GCM (NIST SP 800-38D) under keys derived with
//! HKDF-SHA-256 (RFC 5869) from a key ring.
//!
//! A ciphertext names its key: a byte for the format (2), the length of the key's ID, the ID, the nonce, and the
//! encrypted text with its tag. Format 1, of releases before the ring, names none.

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use domain::{Error, Result};
use futures::future::BoxFuture;

use crate::{
    App, KeyRing,
    auth::key_derivation::{Key, derive},
    auth::key_ring::root,
    platform::secrets::{ACTIVATION_MS, ENCRYPTION_KEYS, JWT_SECRET, SecretVersions},
};

/// First byte of ciphertexts from releases before the ring.
const UNNAMED_KEY: u8 = 1;
/// First byte of current ciphertexts.
const NAMED_KEY: u8 = 2;

/// All keys, one of which encrypts.
pub struct EncryptionKeys {
    roots: BTreeMap<String, Key>,
    legacy: Vec<Key>,
    current: String,
    previous: Option<String>,
}

/// Encrypts and decrypts for one purpose.
#[derive(Clone)]
pub struct Cipher {
    keys: Arc<EncryptionKeys>,
    /// ID of the encrypting key.
    key_id: String,
    salt: Vec<u8>,
    purpose: &'static str,
}

/// Why a ciphertext cannot be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecryptable {
    /// It was encrypted by someone else or for a different context, or was altered.
    #[error("a text was encrypted by someone else or was altered")]
    Altered,
    /// It names a key that is not in the ring.
    #[error("a text was encrypted under a key that is not in the ring")]
    UnknownKey,
}

impl EncryptionKeys {
    /// Derives the keys of a ring.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the crypto library fails.
    pub fn new(ring: &KeyRing) -> Result<Self> {
        let (roots, legacy) = ring.roots()?;
        Ok(Self {
            roots,
            legacy,
            current: ring.current().to_owned(),
            previous: ring.previous().map(str::to_owned),
        })
    }

    /// Derives the keys of a ring. A ring without keys of earlier releases belongs to an installation that started with
    /// one and has not rotated yet, or never had any: theirs were derived from the secret that signs tokens.
    fn derive(ring: &SecretVersions, signing: &SecretVersions) -> Result<Self> {
        let ring = KeyRing::parse(&ring.current.text)?;
        let mut keys = Self::new(&ring)?;
        if !ring.has_legacy_keys() {
            let signing = [Some(&signing.current), signing.previous.as_ref()];
            let signing = signing.into_iter().flatten().map(|version| root(&version.text));
            keys.legacy = signing.collect::<Result<_>>()?;
        }
        Ok(keys)
    }

    /// Returns the cipher for `purpose`, with keys derived with `salt`, which may be empty.
    pub fn cipher(self: &Arc<Self>, salt: &[u8], purpose: &'static str) -> Cipher {
        Cipher {
            keys: Arc::clone(self),
            key_id: self.current.clone(),
            salt: salt.to_vec(),
            purpose,
        }
    }

    /// Returns the same, encrypting with the previous key if there is one, because other processes may not know the
    /// current one yet.
    fn cautious_cipher(self: &Arc<Self>, salt: &[u8], purpose: &'static str) -> Cipher {
        Cipher {
            key_id: self.previous.as_ref().unwrap_or(&self.current).clone(),
            ..self.cipher(salt, purpose)
        }
    }
}

impl Cipher {
    /// Encrypts `text` so that only [`Cipher::decrypt`] with the same purpose and `context` reads it.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the operating system provides no random bytes.
    pub fn encrypt(&self, context: &[u8], text: &[u8]) -> Result<Vec<u8>> {
        let failed = || Error::internal("a text could not be encrypted");
        let root = self.keys.roots.get(&self.key_id).ok_or_else(failed)?;
        let mut encrypted = text.to_vec();
        let nonce = self
            .key(root)?
            .seal_in_place_append_tag(Aad::from(context), &mut encrypted);
        let nonce = nonce.map_err(|_| failed())?;
        let id = self.key_id.as_bytes();
        let length = u8::try_from(id.len()).map_err(Error::internal)?;
        Ok([&[NAMED_KEY, length], id, nonce.as_ref(), &encrypted].concat())
    }

    /// Decrypts a text.
    ///
    /// # Errors
    /// See [`Undecryptable`].
    pub fn decrypt(&self, context: &[u8], encrypted: &[u8]) -> Result<Vec<u8>, Undecryptable> {
        match encrypted.split_first() {
            Some((&NAMED_KEY, rest)) => {
                let (&length, rest) = rest.split_first().ok_or(Undecryptable::Altered)?;
                let (id, rest) = rest.split_at_checked(length.into()).ok_or(Undecryptable::Altered)?;
                let id = std::str::from_utf8(id).map_err(|_| Undecryptable::Altered)?;
                let root = self.keys.roots.get(id).ok_or(Undecryptable::UnknownKey)?;
                self.open(root, context, rest).ok_or(Undecryptable::Altered)
            }
            Some((&UNNAMED_KEY, rest)) => {
                let mut roots = self.keys.legacy.iter();
                roots
                    .find_map(|root| self.open(root, context, rest))
                    .ok_or(Undecryptable::Altered)
            }
            _ => Err(Undecryptable::Altered),
        }
    }

    fn open(&self, root: &Key, context: &[u8], encrypted: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = encrypted.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = self
            .key(root)
            .ok()?
            .open_in_place(nonce, Aad::from(context), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }

    fn key(&self, root: &Key) -> Result<RandomizedNonceKey> {
        let key = derive(root, &self.salt, self.purpose.as_bytes())?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| Error::internal("a key could not be created"))
    }
}

impl App {
    /// Returns the cipher for `purpose`, for stored data and issued values, with keys derived with `salt`.
    pub fn cipher<'a>(&'a self, salt: &'a [u8], purpose: &'static str) -> BoxFuture<'a, Result<Cipher>> {
        Box::pin(async move {
            let ring = self.secrets.require(ENCRYPTION_KEYS).await?;
            self.cipher_of(&ring, salt, purpose).await
        })
    }

    /// Returns the same with the newest keys, for data in our own tables that names a key unknown to this process.
    pub(crate) async fn newest_cipher(&self, salt: &[u8], purpose: &'static str) -> Result<Cipher> {
        let ring = self.secrets.require(ENCRYPTION_KEYS).await?;
        let ring = self.secrets.newer_than(ENCRYPTION_KEYS, &ring).await?;
        self.cipher_of(&ring, salt, purpose).await
    }

    async fn cipher_of(&self, ring: &Arc<SecretVersions>, salt: &[u8], purpose: &'static str) -> Result<Cipher> {
        let signing = self.secrets.require(JWT_SECRET).await?;
        let derive = || EncryptionKeys::derive(ring, &signing);
        let keys = self.encryption_keys.of(&[ring, &signing], derive)?;
        let is_new = self.clock.now_ms().saturating_sub(ring.current.created_ms) < ACTIVATION_MS;
        Ok(if is_new {
            keys.cautious_cipher(salt, purpose)
        } else {
            keys.cipher(salt, purpose)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failure to encrypt is the test's failure")]
mod tests {
    use domain::Secret;

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.repeat(32))
    }

    fn keys(ring: &KeyRing) -> Arc<EncryptionKeys> {
        Arc::new(EncryptionKeys::new(ring).unwrap())
    }

    #[test]
    fn a_text_is_read_with_its_key_purpose_and_context_only() {
        let ring = KeyRing::new(secret("a"));
        let cipher = keys(&ring).cipher(b"salt", "test");
        let encrypted = cipher.encrypt(b"context", b"text").unwrap();
        assert_eq!(cipher.decrypt(b"context", &encrypted).unwrap(), b"text");
        assert_eq!(cipher.decrypt(b"other", &encrypted), Err(Undecryptable::Altered));
        for other in [
            keys(&KeyRing::new(secret("b"))).cipher(b"salt", "test"),
            keys(&ring).cipher(b"pepper", "test"),
            keys(&ring).cipher(b"salt", "rest"),
        ] {
            assert_eq!(other.decrypt(b"context", &encrypted), Err(Undecryptable::Altered));
        }
        for at in 0..encrypted.len() {
            let mut altered = encrypted.clone();
            altered[at] ^= 1;
            assert!(cipher.decrypt(b"context", &altered).is_err(), "byte {at} was altered");
        }
        assert!(
            (0..encrypted.len()).all(|end| cipher.decrypt(b"context", &encrypted[..end]).is_err()),
            "cut short"
        );
    }

    #[test]
    fn a_text_stays_readable_over_any_number_of_rotations_and_a_key_of_elsewhere_is_unknown() {
        let mut ring = KeyRing::new(secret("a"));
        let mut texts = Vec::new();
        for _ in 0..20 {
            let cipher = keys(&ring).cipher(b"", "test");
            texts.push(cipher.encrypt(b"", ring.current().as_bytes()).unwrap());
            ring = ring.rotated(secret("b"), true);
        }
        let cipher = keys(&ring).cipher(b"", "test");
        for (number, text) in (1..).zip(&texts) {
            assert_eq!(cipher.decrypt(b"", text).unwrap(), i32::to_string(&number).as_bytes());
        }
        let before = keys(&KeyRing::new(secret("a"))).cipher(b"", "test");
        assert_eq!(before.decrypt(b"", &texts[1]), Err(Undecryptable::UnknownKey));
    }

    #[test]
    fn a_new_key_is_not_used_before_every_process_knows_of_it() {
        let ring = KeyRing::new(secret("a"));
        let rotated = keys(&ring.rotated(secret("b"), true));
        let (knows_not_yet, text) = (keys(&ring).cipher(b"", "test"), b"text");
        let cautious = rotated.cautious_cipher(b"", "test").encrypt(b"", text).unwrap();
        assert_eq!(knows_not_yet.decrypt(b"", &cautious).unwrap(), text);
        let bold = rotated.cipher(b"", "test").encrypt(b"", text).unwrap();
        assert_eq!(knows_not_yet.decrypt(b"", &bold), Err(Undecryptable::UnknownKey));
        // The very first key has no previous one.
        let first = keys(&ring).cautious_cipher(b"", "test").encrypt(b"", text).unwrap();
        assert_eq!(knows_not_yet.decrypt(b"", &first).unwrap(), text);
    }
}
