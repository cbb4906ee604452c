//! Sealed texts: AES-256-GCM (NIST SP 800-38D) under keys derived with HKDF-SHA-256 (RFC 5869).

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
};
use model::{Error, Result};

/// First byte of everything sealed here, so that the format can change.
const VERSION: u8 = 1;

/// A key for one purpose.
pub struct Seal(RandomizedNonceKey);

impl Seal {
    /// The key for `purpose`, derived from `root` and from `salt`, which may be empty.
    ///
    /// # Errors
    /// [`Error::Internal`] when the crypto library refuses.
    pub fn derive(root: &[u8; 32], salt: &[u8], purpose: &str) -> Result<Self> {
        let mut key = [0; 32];
        let secret = Salt::new(HKDF_SHA256, salt).extract(root);
        let filled = secret
            .expand(&[purpose.as_bytes()], HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key));
        filled.map_err(|_| Error::internal("a key could not be derived"))?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key);
        key.map(Self).map_err(|_| Error::internal("a key could not be made"))
    }

    /// `text` so that only [`Seal::open`] with the same key and `context` reads it.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system gives no random bytes.
    pub fn close(&self, context: &[u8], text: &[u8]) -> Result<Vec<u8>> {
        let mut sealed = text.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(context), &mut sealed);
        let nonce = nonce.map_err(|_| Error::internal("a text could not be sealed"))?;
        Ok([&[VERSION], nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// The text; none when it was sealed by somebody else, for another context, or was altered.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (head, text) = sealed.split_at_checked(1 + NONCE_LEN)?;
        let (version, nonce) = head.split_first()?;
        if *version != VERSION {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(context), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failure to seal is the test's failure")]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_with_its_key_and_context_only() {
        let seal = Seal::derive(&[7; 32], b"salt", "test").unwrap();
        let sealed = seal.close(b"context", b"text").unwrap();
        assert_eq!(seal.open(b"context", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(seal.open(b"other", &sealed), None);
        for other in [
            Seal::derive(&[8; 32], b"salt", "test").unwrap(),
            Seal::derive(&[7; 32], b"pepper", "test").unwrap(),
            Seal::derive(&[7; 32], b"salt", "rest").unwrap(),
        ] {
            assert_eq!(other.open(b"context", &sealed), None);
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(seal.open(b"context", &altered), None, "byte {at} was altered");
        }
        assert!(
            (0..sealed.len()).all(|end| seal.open(b"context", &sealed[..end]).is_none()),
            "cut short"
        );
    }
}
