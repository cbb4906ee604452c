//! Email addresses as sign-in names.

use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use crate::{Error, Result};

/// An address as the user typed it (trimmed). It is compared in NFKC and lower case.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Maximum address length accepted, in bytes (RFC 5321 section 4.5.3.1.3).
    pub const MAX_BYTES: usize = 254;

    /// Parses an address by the rules of an HTML `<input type=email>`, plus non-ASCII letters. Only sending to an
    /// address shows whether it exists.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/email`.
    pub fn parse(text: &str) -> Result<Self> {
        let text: String = text.trim().nfkc().collect();
        let valid = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && local.len() <= 64
                && local
                    .chars()
                    .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
                && domain.split('.').count() >= 2
                && domain.split('.').all(|label| {
                    !label.is_empty()
                        && label.len() <= 63
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                })
        });
        if valid && text.len() <= Self::MAX_BYTES {
            Ok(Self(text))
        } else {
            Err(Error::invalid(
                "/email",
                "is not an email address; use a form such as name@example.com",
            ))
        }
    }

    /// Returns the address for display and for sending.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }

    /// Returns whether email could arrive there: names below `.invalid` stand for unknown addresses (RFC 2606).
    pub fn is_deliverable(&self) -> bool {
        !self.0.to_lowercase().ends_with(".invalid")
    }

    /// Returns the hex SHA-256 of the comparable form, by which an address is unique.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.0.to_lowercase().as_bytes()))
    }

    /// Returns whether both are the address of one account, however they are spelled.
    pub fn is_same(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing parse is the test's failure")]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_case_or_width_are_the_same_account() {
        let print = |text| Email::parse(text).unwrap().fingerprint();
        assert_eq!(print("Ada@Example.com"), print(" ada@example.COM "));
        assert_eq!(
            print("ada@example.com"),
            print("ａｄａ@example.com"),
            "full-width letters fold by NFKC"
        );
        assert_ne!(print("ada@example.com"), print("adb@example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "a b@example.com",
            "ada@-x.com",
            "ada@x..com",
            "a@b@c.de",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
    }
}
