//! Password rules: a length and a list of commonly leaked passwords, no composition rules (NIST SP 800-63B section
//! 5.1.1.2); and when two texts are the same password.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

use crate::{Error, Result, Secret};

/// The most common leaked passwords that satisfy the length rule, in lower case.
const LEAKED: &[&str] = &[
    "password",
    "password1",
    "password12",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "123123123",
    "11111111",
    "00000000",
    "88888888",
    "87654321",
    "987654321",
    "qwertyuiop",
    "qwerty123",
    "qwerty12",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "zaq12wsx",
    "asdfghjkl",
    "iloveyou",
    "iloveyou1",
    "sunshine",
    "princess",
    "football",
    "football1",
    "baseball",
    "superman",
    "batman123",
    "trustno1",
    "welcome1",
    "welcome123",
    "letmein1",
    "letmein123",
    "admin123",
    "admin1234",
    "administrator",
    "abc12345",
    "abcd1234",
    "a1b2c3d4",
    "changeme",
    "changeme1",
    "starwars",
    "dragon123",
    "monkey123",
    "michelle",
    "jennifer",
    "computer",
    "whatever",
    "corvette",
    "mercedes",
    "midnight",
    "samantha",
    "butterfly",
    "liverpool",
    "chocolate",
    "pokemon1",
    "charlie1",
    "internet",
    "password!",
    "password1!",
    "passw0rd!",
    "qwerty1234",
    "11223344",
    "12341234",
    "66666666",
];

/// A password that a user wants to set: 8 to 128 characters, not among the most commonly leaked.
#[derive(Debug, Clone)]
pub struct NewPassword(Secret);

impl NewPassword {
    /// Minimum length, in characters.
    pub const MIN: usize = 8;
    /// Maximum length, in characters; bounds the hashing work.
    pub const MAX: usize = 128;

    /// Checks a requested password.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `pointer`.
    pub fn parse(password: Secret, pointer: &str) -> Result<Self> {
        let password = normalized(password).ok_or_else(|| Self::wrong_length(pointer))?;
        let length = password.expose().chars().count();
        if !(Self::MIN..=Self::MAX).contains(&length) {
            return Err(Self::wrong_length(pointer));
        }
        if LEAKED.contains(&password.expose().to_lowercase().as_str()) {
            return Err(Error::invalid(
                pointer,
                "is one of the most common leaked passwords; choose another one",
            ));
        }
        Ok(Self(password))
    }

    fn wrong_length(pointer: &str) -> Error {
        let detail = format!("must have {} to {} characters", Self::MIN, Self::MAX);
        Error::invalid(pointer, detail)
    }

    /// Returns the password itself, normalized.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// Returns the canonical spelling of a password, because typed text differs between keyboards and systems. Spaces are
/// mapped and the text is composed as in the profile `OpaqueString` (RFC 8265, section 4.2.2); nothing is rejected, so
/// every earlier password is still valid. `None` if the text is too long to be a password in any spelling.
pub fn normalized(password: Secret) -> Option<Secret> {
    let text = password.expose();
    // No character has more than 18 code points before composition (UAX #15); commonly typed ones have at most four.
    if text.chars().nth(4 * NewPassword::MAX).is_some() {
        return None;
    }
    if is_nfc(text) && !text.contains(is_other_space) {
        return Some(password);
    }
    let spaced = text.chars().map(|c| if is_other_space(c) { ' ' } else { c });
    let composed = Zeroizing::new(spaced.nfc().collect::<String>());
    Some(Secret::new(composed.as_str()))
}

/// Whether it is a non-ASCII space of Unicode's category `Zs`.
fn is_other_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_password_is_the_same_text() {
        let of = |text: &str| normalized(Secret::new(text)).map(|it| it.expose().to_owned());
        for (typed, kept) in [
            ("plain ascii 1", "plain ascii 1"),
            ("u\u{308}ber", "\u{fc}ber"),
            ("a\u{a0}b\u{3000}c\u{2009}d", "a b c d"),
            // Compatible characters stay distinct: width, ligatures and case make a different password (RFC 8265).
            ("\u{ff41}\u{fb01}A", "\u{ff41}\u{fb01}A"),
            ("tab\tand\u{200d}joiner", "tab\tand\u{200d}joiner"),
            // A Hangul syllable of three jamo, and combining marks in a different order.
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
        ] {
            assert_eq!(of(typed).as_deref(), Some(kept));
            assert_eq!(of(kept).as_deref(), Some(kept), "once is enough");
        }
        assert_eq!(of(&"x".repeat(4 * NewPassword::MAX + 1)), None);
        assert!(NewPassword::parse(Secret::new("u\u{308}".repeat(128)), "/password").is_ok());
        assert!(NewPassword::parse(Secret::new("u\u{308}".repeat(129)), "/password").is_err());
        assert!(NewPassword::parse(Secret::new("u\u{308}".repeat(7)), "/password").is_err());
    }

    #[test]
    fn length_counts_characters_and_the_documents_example_is_legal() {
        let ok = |text: &str| NewPassword::parse(Secret::new(text), "/password").is_ok();
        assert!(ok("Test123!"), "the API documents sign up with it");
        assert!(ok("ÄÖÜäöüßé"), "eight characters, more bytes");
        assert!(!ok("short12"));
        assert!(!ok(&"x".repeat(129)));
        assert!(!ok("Password123"), "leaked, whatever the case");
    }
}
