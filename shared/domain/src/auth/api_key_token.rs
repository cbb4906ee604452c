//! The text of an API key.

use sha2::{Digest as _, Sha256};

use crate::{Result, Secret, id::random_bytes};

/// Prefix of every key, in both modes.
pub const PREFIX: &str = "pk_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Length of the part shown in lists, and of the secret part.
const ID_LEN: usize = 8;
const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 6;
/// Number of digits taken from one random number.
const HALF: usize = 20;
const _: () = assert!(2 * HALF == ID_LEN + SECRET_LEN);

/// The kind of deployment a key is for. A deployment rejects keys of the other mode without a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMode {
    /// Production.
    Live,
    /// A developer's machine.
    Test,
}

impl KeyMode {
    /// The mode as written in a key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// The text of a key, `pk_<live|test>_<id><secret><checksum>`: base62, with a CRC-32 in base62 over everything before
/// it. A typo is rejected without a table read, and a leaked key can be recognized in any text.
#[derive(Debug, Clone)]
pub struct ApiKeyToken(Secret);

impl ApiKeyToken {
    /// Creates a key with 238 random bits.
    ///
    /// # Errors
    /// Returns [`crate::Error::Internal`] if the operating system provides no random bytes.
    pub fn make(mode: KeyMode) -> Result<Self> {
        let mut text = format!("{PREFIX}{}_", mode.name());
        for _ in 0..2 {
            // The modulo bias is below 1 in 400 and costs a small part of one bit.
            push_base62(&mut text, u128::from_be_bytes(random_bytes()?), HALF);
        }
        let checksum = crc32fast::hash(text.as_bytes());
        push_base62(&mut text, checksum.into(), CHECKSUM_LEN);
        Ok(Self(Secret::new(text)))
    }

    /// Parses a presented key; returns `None` if it cannot be a key of this mode.
    pub fn parse(presented: &Secret, mode: KeyMode) -> Option<Self> {
        let text = presented.expose();
        let random = text
            .strip_prefix(PREFIX)?
            .strip_prefix(mode.name())?
            .strip_prefix('_')?;
        let plain =
            random.len() == ID_LEN + SECRET_LEN + CHECKSUM_LEN && random.bytes().all(|b| b.is_ascii_alphanumeric());
        let (head, checksum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_LEN)?)?;
        let mut expected = String::new();
        push_base62(&mut expected, crc32fast::hash(head.as_bytes()).into(), CHECKSUM_LEN);
        (plain && checksum == expected).then(|| Self(presented.clone()))
    }

    /// Returns the key itself, which is shown once.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// Returns the hex SHA-256 of the key, the only form that is stored. With 238 random bits it needs no slow hash.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.expose()))
    }

    /// Returns the first characters, by which a person recognizes the key.
    pub fn shown_prefix(&self) -> &str {
        let text = self.0.expose();
        text.get(..text.len() - SECRET_LEN - CHECKSUM_LEN).unwrap_or_default()
    }

    /// Returns the last characters, by which a person recognizes the key.
    pub fn last_four(&self) -> &str {
        let text = self.0.expose();
        text.get(text.len() - 4..).unwrap_or_default()
    }
}

/// Appends the last `len` digits of `number`.
fn push_base62(text: &mut String, mut number: u128, len: usize) {
    let mut digits = vec![b'0'; len];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    text.extend(digits.into_iter().map(char::from));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_published_form_and_shows_its_ends() {
        let text = ApiKeyToken::make(KeyMode::Live).unwrap();
        let whole = text.secret().expose().to_owned();
        assert_eq!(whole.len(), "pk_live_".len() + 46);
        assert!(whole.starts_with(text.shown_prefix()) && whole.ends_with(text.last_four()));
        assert_eq!(text.shown_prefix().len(), "pk_live_".len() + 8);
        assert_ne!(ApiKeyToken::make(KeyMode::Live).unwrap().hash(), text.hash());
        assert!(ApiKeyToken::parse(text.secret(), KeyMode::Live).is_some());
        assert!(
            ApiKeyToken::parse(text.secret(), KeyMode::Test).is_none(),
            "the other kind of deployment"
        );
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        // The CRC-32 (ISO-HDLC) of "123456789" is 0xCBF43926, independent of the digits it is written with.
        let mut text = String::new();
        push_base62(&mut text, crc32fast::hash(b"123456789").into(), CHECKSUM_LEN);
        let value = text.bytes().fold(0_u64, |sum, byte| {
            sum * 62 + DIGITS.iter().position(|digit| *digit == byte).unwrap() as u64
        });
        assert_eq!(value, 0xCBF4_3926);
    }

    #[test]
    fn every_typo_of_one_character_is_refused() {
        let text = ApiKeyToken::make(KeyMode::Test).unwrap();
        let whole = text.secret().expose();
        for at in 0..whole.len() {
            for other in "0zA_é-".chars() {
                let mut typo: Vec<char> = whole.chars().collect();
                if typo[at] == other {
                    continue;
                }
                typo[at] = other;
                let typo = Secret::new(typo.into_iter().collect::<String>());
                assert!(ApiKeyToken::parse(&typo, KeyMode::Test).is_none(), "{}", typo.expose());
            }
        }
        for odd in [
            "",
            "pk_",
            "pk_test_",
            &whole[1..],
            &whole[..whole.len() - 1],
            &format!("{whole}0"),
        ] {
            assert!(ApiKeyToken::parse(&Secret::new(odd), KeyMode::Test).is_none(), "{odd}");
        }
    }
}
