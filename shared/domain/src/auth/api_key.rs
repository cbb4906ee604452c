//! API keys: their format, their permissions, and when they are accepted.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{ApiKeyId, OrgId, Permission, Result, Secret, Timestamp, User, UserId, id::random_bytes};

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

/// An API key. It acts for the user who created it, inside one organization, and never exceeds either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its ID.
    pub id: ApiKeyId,
    /// The only organization it can access.
    pub org: OrgId,
    /// The user it acts for.
    pub created_by: UserId,
    /// The key that created it, that key's creator, and so on. It counts toward the limits of all of them, never
    /// exceeds any of them, and ends with the first that ends. Empty for a key created by a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<ApiKeyId>,
    /// Display name.
    pub name: String,
    /// Prefix of the current secret.
    pub prefix: String,
    /// Last characters of the current secret.
    pub last_four: String,
    /// Its permissions, limited to those of its user's role.
    pub scopes: BTreeSet<Permission>,
    /// Models it may use; all if `None`.
    pub models: Option<Vec<String>>,
    /// LLM tokens it may use in total; `None` means no limit of its own.
    pub token_budget: Option<u64>,
    /// Model requests it may send per minute; `None` means no limit of its own.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether it is the user's single personal key, which the settings show.
    #[serde(default)]
    pub personal: bool,
    /// It is rejected from this time on.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked permanently.
    pub revoked_at: Option<Timestamp>,
    /// [`ApiKeyToken::hash`] of the current secret.
    pub secret_hash: String,
    /// The previous secret, while it is still accepted.
    pub previous: Option<PreviousSecret>,
    /// The credential epoch of its user in which it was created ([`crate::CredentialEpochs`]).
    #[serde(default)]
    pub epoch: u64,
    /// Whether its user's address was verified when the key was created.
    #[serde(default)]
    pub user_verified: bool,
    /// Incremented by each change; a change based on an older version is rejected.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A replaced secret that is still accepted for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// [`ApiKeyToken::hash`].
    pub hash: String,
    /// It is rejected from this time on.
    pub until: Timestamp,
}

/// Whether a key is accepted, or why not. Of several keys that must all be accepted, the greatest state counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Accepted.
    Active,
    /// Disabled.
    Disabled,
    /// Past its expiry.
    Expired,
    /// Revoked permanently.
    Revoked,
}

impl ApiKey {
    /// Maximum name length, in characters.
    pub const MAX_NAME: usize = 100;
    /// Maximum number of models in an allow-list.
    pub const MAX_MODELS: usize = 50;
    /// Maximum number of unrevoked keys per organization.
    pub const MAX_PER_ORG: u32 = 100;
    /// Maximum number of ancestors of a key. Each of them is read and counted on every request.
    pub const MAX_ANCESTORS: usize = 4;
    /// Maximum time for which a replaced secret can remain accepted.
    pub const MAX_OVERLAP: Duration = Duration::from_hours(7 * 24);
    /// Maximum lifetime that can be requested, in days.
    pub const MAX_DAYS: u32 = 3650;
    /// Maximum number of requests per minute that can be set.
    pub const MAX_PER_MINUTE: u32 = 60_000;
    /// Resolution of the last-used time.
    pub const USE_RESOLUTION: Duration = Duration::from_mins(1);

    /// Returns the key's state at `now`.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|end| now >= end) {
            KeyState::Expired
        } else if self.enabled {
            KeyState::Active
        } else {
            KeyState::Disabled
        }
    }

    /// Returns the key's state at `now`, including its ancestors as looked up in `known`. A missing ancestor was
    /// deleted.
    pub fn state_below<'k>(&self, known: impl Fn(&ApiKeyId) -> Option<&'k Self>, now: Timestamp) -> KeyState {
        let above = self.ancestors.iter();
        let above = above.map(|id| known(id).map_or(KeyState::Revoked, |key| key.state(now)));
        above.fold(self.state(now), Ord::max)
    }

    /// Returns whether the secret with this hash is accepted at `now`.
    pub fn accepts(&self, hash: &str, now: Timestamp) -> bool {
        let is = |stored: &str| bool::from(stored.as_bytes().ct_eq(hash.as_bytes()));
        let current = is(&self.secret_hash);
        let previous = self.previous.as_ref().is_some_and(|it| is(&it.hash) && now < it.until);
        (current || previous) && self.state(now) == KeyState::Active
    }

    /// Returns whether an organization relies on the key: a member with a verified address created it outside of their
    /// personal organization. Ending it without notice would break what others use.
    pub fn is_relied_on(&self, user: &User) -> bool {
        self.user_verified && self.org != user.personal_org
    }

    /// Returns the hashes under which the key is looked up.
    pub fn hashes(&self) -> Vec<&str> {
        if self.revoked_at.is_some() {
            return Vec::new();
        }
        let previous = self.previous.as_ref().map(|it| it.hash.as_str());
        [Some(self.secret_hash.as_str()), previous]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Returns the key after a change at `now`.
    #[must_use]
    pub fn changed(&self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            // An expired previous secret is dropped with the next change.
            previous: self.previous.clone().filter(|it| now < it.until),
            ..self.clone()
        }
    }

    /// Returns the key with a new secret. The current one stays accepted for `overlap` from `now`.
    #[must_use]
    pub fn rotated(&self, new: &ApiKeyToken, overlap: Duration, now: Timestamp) -> Self {
        Self {
            prefix: new.shown_prefix().to_owned(),
            last_four: new.last_four().to_owned(),
            secret_hash: new.hash(),
            previous: (!overlap.is_zero()).then(|| PreviousSecret {
                hash: self.secret_hash.clone(),
                until: crate::time::after(now, overlap),
            }),
            ..self.changed(now)
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn key(text: &ApiKeyToken) -> ApiKey {
        ApiKey {
            id: ApiKeyId("k".into()),
            org: OrgId("o".into()),
            created_by: UserId("u".into()),
            ancestors: Vec::new(),
            name: "Test".into(),
            prefix: text.shown_prefix().into(),
            last_four: text.last_four().into(),
            scopes: BTreeSet::new(),
            models: None,
            token_budget: None,
            requests_per_minute: None,
            enabled: true,
            personal: false,
            expires_at: Some(at(1000)),
            revoked_at: None,
            secret_hash: text.hash(),
            previous: None,
            epoch: 0,
            user_verified: false,
            version: 1,
            created_at: at(0),
            updated_at: at(0),
        }
    }

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

    #[test]
    fn a_key_is_accepted_while_it_is_on_in_time_and_not_revoked() {
        let text = ApiKeyToken::make(KeyMode::Test).unwrap();
        let (key, hash) = (key(&text), text.hash());
        assert!(key.accepts(&hash, at(999)) && !key.accepts(&hash, at(1000)));
        let off = ApiKey {
            enabled: false,
            ..key.clone()
        };
        assert_eq!(off.state(at(1)), KeyState::Disabled);
        assert!(!off.accepts(&hash, at(1)));
        let revoked = ApiKey {
            revoked_at: Some(at(1)),
            ..key.clone()
        };
        assert!(!revoked.accepts(&hash, at(1)) && revoked.hashes().is_empty());
        assert!(!key.accepts(&ApiKeyToken::make(KeyMode::Test).unwrap().hash(), at(1)));
    }

    #[test]
    fn a_replaced_secret_lives_for_the_overlap() {
        let (old, new) = (
            ApiKeyToken::make(KeyMode::Test).unwrap(),
            ApiKeyToken::make(KeyMode::Test).unwrap(),
        );
        let rotated = key(&old).rotated(&new, Duration::from_mins(1), at(0));
        assert!(rotated.accepts(&old.hash(), at(59)) && !rotated.accepts(&old.hash(), at(60)));
        assert!(rotated.accepts(&new.hash(), at(60)));
        assert_eq!(rotated.hashes().len(), 2);
        assert_eq!(
            rotated.changed(at(60)).hashes(),
            [new.hash()],
            "an expired secret is dropped"
        );
        assert!(
            !key(&old)
                .rotated(&new, Duration::ZERO, at(0))
                .accepts(&old.hash(), at(0))
        );
    }
}
