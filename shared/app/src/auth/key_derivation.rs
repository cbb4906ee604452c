//! One key for each purpose from one secret: HKDF-SHA-256 (RFC 5869).

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use domain::{Error, Result};

/// A key of 256 bits.
pub(crate) type Key = [u8; 32];

/// The key for `purpose`.
///
/// # Errors
/// [`Error::Internal`] when the crypto library refuses.
pub(crate) fn derive(secret: &[u8], salt: &[u8], purpose: &[u8]) -> Result<Key> {
    let mut key = [0; 32];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let filled = extracted
        .expand(&[purpose], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key));
    filled.map_err(|_| Error::internal("key derivation failed"))?;
    Ok(key)
}
