//! API keys: their permissions, and when they are accepted.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::api_key_token::ApiKeyToken;
use crate::{ApiKeyId, OrgId, Permission, Timestamp, User, UserId};

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
    use crate::KeyMode;

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
