//! What replaces the product's name and look in an organization's widgets and emails.

use serde::{Deserialize, Serialize};

use crate::{Email, Error, Result, Timestamp};

/// White-label settings of an organization. They apply while its plan includes them, and stay stored otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhiteLabel {
    /// Name that replaces the product's.
    #[serde(default)]
    pub product_name: Option<String>,
    /// Address of a logo, `https` only.
    #[serde(default)]
    pub logo_url: Option<String>,
    /// Accent color, `#rrggbb`.
    #[serde(default)]
    pub color: Option<String>,
    /// Address that people can write to.
    #[serde(default)]
    pub support_email: Option<Email>,
    /// Whether widgets leave out the product's own name.
    #[serde(default)]
    pub hide_branding: bool,
    /// When it was last changed; `None` if never.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

impl WhiteLabel {
    /// Maximum length of the name, in characters.
    pub const MAX_NAME: usize = 60;
    /// Maximum length of the logo's address, in bytes.
    pub const MAX_URL: usize = 2_000;

    /// Checks the address of a logo.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/logo_url`.
    pub fn check_logo_url(url: &str) -> Result<()> {
        let rest = url.strip_prefix("https://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_plain = url
            .chars()
            .all(|letter| !letter.is_control() && !letter.is_whitespace() && !"\"'<>\\`".contains(letter));
        if url.len() <= Self::MAX_URL && is_plain && host.contains('.') && !host.contains('@') {
            Ok(())
        } else {
            Err(Error::invalid(
                "/logo_url",
                "must be an address such as https://example.com/logo.svg",
            ))
        }
    }
}

/// Returns a name as it may stand in an email to a stranger. Names are free text, so nothing in it may become a link.
pub fn without_links(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        plain.push(if letter.is_control() || "/:@<>".contains(letter) {
            ' '
        } else {
            letter
        });
        if letter == '.' && letters.peek().is_some_and(|next| next.is_alphanumeric()) {
            plain.push(' ');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_has_a_plain_https_address() {
        for good in ["https://example.com/logo.svg", "https://cdn.example.com:8443/a?b=c#d"] {
            assert!(WhiteLabel::check_logo_url(good).is_ok(), "{good}");
        }
        let long = format!("https://example.com/{}", "x".repeat(WhiteLabel::MAX_URL));
        for bad in [
            "",
            "http://example.com/logo.svg",
            "https://",
            "https://localhost/a",
            "https://me@example.com/",
            "https://example.com/\"onload=\"x",
            "https://example.com/a b",
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            &long,
        ] {
            assert!(WhiteLabel::check_logo_url(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn a_name_cannot_become_a_link() {
        assert_eq!(without_links("Acme Inc."), "Acme Inc.");
        assert_eq!(
            without_links("go to https://evil.example"),
            "go to https   evil. example"
        );
        assert_eq!(without_links("a@b\n<c>"), "a b  c ");
    }
}
