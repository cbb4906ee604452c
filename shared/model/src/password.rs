//! Password rules: length and the most leaked ones, no composition rules (NIST SP 800-63B section 5.1.1.2).

use crate::{Error, Result, Secret};

/// The most common leaked passwords that are long enough to pass the length rule, in lower case.
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

/// A password that a user wants to set: 8 to 128 characters, not one of the most leaked.
#[derive(Debug, Clone)]
pub struct NewPassword(Secret);

impl NewPassword {
    /// Fewest characters.
    pub const MIN: usize = 8;
    /// Most characters: a bound on what is hashed.
    pub const MAX: usize = 128;

    /// Checks a wanted password.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `pointer`.
    pub fn parse(password: Secret, pointer: &str) -> Result<Self> {
        let length = password.expose().chars().count();
        if !(Self::MIN..=Self::MAX).contains(&length) {
            return Err(Error::invalid(
                pointer,
                format!("has to have {} to {} characters", Self::MIN, Self::MAX),
            ));
        }
        if LEAKED.contains(&password.expose().to_lowercase().as_str()) {
            return Err(Error::invalid(
                pointer,
                "is one of the most common leaked passwords; choose another one",
            ));
        }
        Ok(Self(password))
    }

    /// The password itself.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
