//! API keys: what one looks like, what it may do, and when it is accepted.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{ApiKeyId, OrgId, Permission, Result, Secret, Timestamp, User, UserId, id::random_bytes};

/// How every key begins, whatever its mode.
pub const PREFIX: &str = "pk_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Length of the part that is shown in lists, and of the part that is not.
const ID_LEN: usize = 8;
const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 6;
/// Random digits that one random number gives.
const HALF: usize = 20;
const _: () = assert!(2 * HALF == ID_LEN + SECRET_LEN);

/// Which kind of deployment a key is for: one kind refuses the keys of the other unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMode {
    /// Production.
    Live,
    /// A developer's machine.
    Test,
}

impl KeyMode {
    /// As it stands in a key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// The text of a key, `pk_<live|test>_<id><secret><checksum>`: base62, and a CRC-32 in base62 over all before it, so
/// that a typo is refused without a look at any table, and a leaked key is recognized in a text.
#[derive(Debug, Clone)]
pub struct ApiKeyToken(Secret);

impl ApiKeyToken {
    /// A new key with 238 random bits.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the operating system gives no random bytes.
    pub fn make(mode: KeyMode) -> Result<Self> {
        let mut text = format!("{PREFIX}{}_", mode.name());
        for _ in 0..2 {
            // The remainder is uneven by less than 1 in 400: it costs a small part of one bit.
            push_base62(&mut text, u128::from_be_bytes(random_bytes()?), HALF);
        }
        let checksum = crc32fast::hash(text.as_bytes());
        push_base62(&mut text, checksum.into(), CHECKSUM_LEN);
        Ok(Self(Secret::new(text)))
    }

    /// Reads what a client presented; none when it cannot be a key of this mode.
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

    /// The key itself, to be shown once.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// Hex SHA-256 of the key: all that is stored of it. It has 238 random bits, so it needs no slow hash.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.expose()))
    }

    /// The beginning, by which a person tells keys apart.
    pub fn shown_prefix(&self) -> &str {
        let text = self.0.expose();
        text.get(..text.len() - SECRET_LEN - CHECKSUM_LEN).unwrap_or_default()
    }

    /// The end, by which a person tells keys apart.
    pub fn last_four(&self) -> &str {
        let text = self.0.expose();
        text.get(text.len() - 4..).unwrap_or_default()
    }
}

/// Adds the last `len` digits of `number`.
fn push_base62(text: &mut String, mut number: u128, len: usize) {
    let mut digits = vec![b'0'; len];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    text.extend(digits.into_iter().map(char::from));
}

/// An API key. It acts for the user who made it, inside one organization, and never beyond either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its ID.
    pub id: ApiKeyId,
    /// The only organization it works in.
    pub org: OrgId,
    /// Whom it acts for.
    pub created_by: UserId,
    /// The key that made it, the key that made that one, and so on. It draws on the limits of all of them, reaches no
    /// further than any, and ends with the first that does. Empty for a key that a person made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<ApiKeyId>,
    /// Name shown to people.
    pub name: String,
    /// How the current secret begins.
    pub prefix: String,
    /// How the current secret ends.
    pub last_four: String,
    /// What it may do, as far as its user's role allows it too.
    pub scopes: BTreeSet<Permission>,
    /// Models it may ask; all when absent.
    pub models: Option<Vec<String>>,
    /// LLM tokens it may use in all; no limit of its own when absent.
    pub token_budget: Option<u64>,
    /// Requests to models it may make in a minute; no limit of its own when absent.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Switched on.
    pub enabled: bool,
    /// The one personal key of a user, which the settings show.
    #[serde(default)]
    pub personal: bool,
    /// It is refused from here on.
    pub expires_at: Option<Timestamp>,
    /// Since when it is refused for good.
    pub revoked_at: Option<Timestamp>,
    /// [`ApiKeyToken::hash`] of the current secret.
    pub secret_hash: String,
    /// The secret before it, while it is still accepted.
    pub previous: Option<PreviousSecret>,
    /// The epoch of its user's credentials it was made in ([`crate::CredentialEpochs`]).
    #[serde(default)]
    pub epoch: u64,
    /// Whether its user's address was verified when it was made.
    #[serde(default)]
    pub user_verified: bool,
    /// Grows with each change: a change of an older state is refused.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// A secret that was replaced and is accepted for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// [`ApiKeyToken::hash`].
    pub hash: String,
    /// It is refused from here on.
    pub until: Timestamp,
}

/// Whether a key is accepted, and why not: of several keys that have to be accepted together, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Accepted.
    Active,
    /// Switched off.
    Disabled,
    /// Its time is over.
    Expired,
    /// Refused for good.
    Revoked,
}

impl ApiKey {
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 100;
    /// Most models in an allow-list.
    pub const MAX_MODELS: usize = 50;
    /// Most keys of an organization that are not revoked.
    pub const MAX_PER_ORG: u32 = 100;
    /// Most keys above a key: each of them is read with a request, and counted.
    pub const MAX_ANCESTORS: usize = 4;
    /// Longest time for which a replaced secret can still be accepted.
    pub const MAX_OVERLAP: Duration = Duration::from_hours(7 * 24);
    /// Longest life that can be asked for in days.
    pub const MAX_DAYS: u32 = 3650;
    /// Most requests a minute that can be allowed.
    pub const MAX_PER_MINUTE: u32 = 60_000;
    /// How exact the time of the last use is.
    pub const USE_RESOLUTION: Duration = Duration::from_mins(1);

    /// Its state at `now`.
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

    /// Its state at `now` with `known`, the keys above it: one of them that is missing was deleted.
    pub fn state_below<'k>(&self, known: impl Fn(&ApiKeyId) -> Option<&'k Self>, now: Timestamp) -> KeyState {
        let above = self.ancestors.iter();
        let above = above.map(|id| known(id).map_or(KeyState::Revoked, |key| key.state(now)));
        above.fold(self.state(now), Ord::max)
    }

    /// Whether the secret with this hash opens it at `now`.
    pub fn accepts(&self, hash: &str, now: Timestamp) -> bool {
        let is = |stored: &str| bool::from(stored.as_bytes().ct_eq(hash.as_bytes()));
        let current = is(&self.secret_hash);
        let previous = self.previous.as_ref().is_some_and(|it| is(&it.hash) && now < it.until);
        (current || previous) && self.state(now) == KeyState::Active
    }

    /// Whether an organization relies on it: a member whose address was verified made it outside of their personal
    /// organization. It would break what others use if it ended without a word.
    pub fn is_relied_on(&self, user: &User) -> bool {
        self.user_verified && self.org != user.personal_org
    }

    /// The hashes under which it is found.
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

    /// The key after a change at `now`.
    #[must_use]
    pub fn changed(&self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            // A secret whose time is over is forgotten with the next change.
            previous: self.previous.clone().filter(|it| now < it.until),
            ..self.clone()
        }
    }

    /// The key with a new secret; the one it has is accepted for `overlap` from `now`.
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
        // CRC-32 (ISO-HDLC) of "123456789" is 0xCBF43926, whatever the digits it is written with.
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
            "a dead secret is forgotten"
        );
        assert!(
            !key(&old)
                .rotated(&new, Duration::ZERO, at(0))
                .accepts(&old.hash(), at(0))
        );
    }
}
