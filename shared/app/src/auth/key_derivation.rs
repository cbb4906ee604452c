//! Derives one key per purpose from one secret: HKDF-SHA-256 (RFC 5869).

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use domain::{Error, Result};

/// A 256-bit key.
pub(crate) type Key = [u8; 32];

/// Returns the key for `purpose`.
///
/// # Errors
/// Returns [`Error::Internal`] if the crypto library fails.
pub(crate) fn derive(secret: &[u8], salt: &[u8], purpose: &[u8]) -> Result<Key> {
    let mut key = [0; 32];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let filled = extracted
        .expand(&[purpose], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key));
    filled.map_err(|_| Error::internal("key derivation failed"))?;
    Ok(key)
}
