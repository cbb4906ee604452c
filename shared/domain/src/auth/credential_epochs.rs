//! Epochs of an account's credentials: one write to the account ends all credentials created before it.

use serde::{Deserialize, Serialize};

use crate::{ApiKey, Timestamp, User};

/// The epochs up to which the credentials of an account have ended. API keys, emailed links and exports carry the epoch
/// in which they were created; sessions use [`User::session_epoch`], which a new password also increments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialEpochs {
    /// The epoch of credentials created now. Ending all credentials and changing the address increment it.
    pub current: u64,
    /// Credentials of earlier epochs have ended.
    pub valid_from: u64,
    /// The same for API keys that an organization relies on ([`ApiKey::is_relied_on`]).
    pub relied_on_from: u64,
    /// Emailed links of earlier epochs are void: all credentials ended, or the address changed.
    pub links_from: u64,
    /// From this epoch on, credentials belong to the owner of the address: their holder also confirmed its email.
    /// `None` while no one has proven both, for example if the address is unverified or its email was confirmed without
    /// a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_from: Option<u64>,
    /// The changes that led to the current address and can be undone. In a series of address changes, nobody can void
    /// the undo link of an earlier holder.
    #[serde(skip_serializing_if = "AddressChanges::is_empty")]
    pub changes: AddressChanges,
    /// Links of earlier epochs to Clerk users are void.
    pub clerk_from: u64,
}

/// A change of the address of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct AddressChange {
    /// The epoch that it started, never 0.
    epoch: u64,
    /// When it happened, in seconds since the Unix epoch.
    at: i64,
}

/// Changes of the address of an account, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<AddressChange>", into = "Vec<AddressChange>")]
pub struct AddressChanges([AddressChange; 8]);

impl From<Vec<AddressChange>> for AddressChanges {
    fn from(all: Vec<AddressChange>) -> Self {
        let mut changes = Self::default();
        for (place, change) in changes.0.iter_mut().zip(all) {
            *place = change;
        }
        changes
    }
}

impl From<AddressChanges> for Vec<AddressChange> {
    fn from(changes: AddressChanges) -> Self {
        changes.iter().collect()
    }
}

impl AddressChanges {
    fn iter(&self) -> impl Iterator<Item = AddressChange> {
        self.0.into_iter().take_while(|change| change.epoch > 0)
    }

    fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Appends a change. If the list is full, the new change cannot be undone; the first one always can.
    fn and(self, epoch: u64, now: Timestamp) -> Self {
        let hours = i64::try_from(CredentialEpochs::RESTORABLE_HOURS).unwrap_or(i64::MAX);
        let from = now.as_second().saturating_sub(hours.saturating_mul(3600));
        let mut all: Vec<_> = self.iter().filter(|change| change.at > from).collect();
        all.push(AddressChange {
            epoch,
            at: now.as_second(),
        });
        all.into()
    }

    /// Returns the changes before `epoch`.
    fn before(self, epoch: u64) -> Self {
        self.iter()
            .filter(|change| change.epoch < epoch)
            .collect::<Vec<_>>()
            .into()
    }
}

/// Which API keys survive the end of all other credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptKeys {
    /// Those an organization relies on, if they were created for the account's current address.
    ReliedOn,
    /// None.
    None,
}

impl CredentialEpochs {
    /// Returns the epochs of a new account. Its owner is known if it starts with a verified address.
    pub fn of_new_account(owner_is_known: bool) -> Self {
        Self {
            owner_from: owner_is_known.then_some(0),
            ..Self::default()
        }
    }

    /// Returns the epochs after all credentials ended.
    #[must_use]
    pub fn ended(self, kept: KeptKeys) -> Self {
        let current = self.next();
        Self {
            current,
            valid_from: current,
            links_from: current,
            relied_on_from: match kept {
                KeptKeys::ReliedOn => self.relied_on_from.max(self.owner_from.unwrap_or(current)),
                KeptKeys::None => current,
            },
            ..self
        }
    }

    /// Like [`Self::ended`], but emailed links survive: the holder of a session cannot block the owner of the address
    /// from using theirs by ending everything repeatedly.
    #[must_use]
    pub fn ended_without_links(self, kept: KeptKeys) -> Self {
        Self {
            links_from: self.links_from,
            ..self.ended(kept)
        }
    }

    /// Returns the epochs after the owner of the address ended all credentials. Links to Clerk users end too: whoever
    /// proves ownership of the address is linked again.
    #[must_use]
    pub fn ended_by_owner(self, kept: KeptKeys) -> Self {
        let ended = self.ended(kept);
        Self {
            clerk_from: ended.current,
            owner_from: Some(ended.current),
            ..ended
        }
    }

    /// Returns the epochs after a signed-in user confirmed the email sent to the account's address.
    #[must_use]
    pub fn of_known_owner(self) -> Self {
        Self {
            owner_from: Some(self.owner_from.unwrap_or(self.valid_from)),
            ..self
        }
    }

    /// Returns whether an emailed link of this epoch is still valid.
    pub fn accept_link(&self, epoch: u64) -> bool {
        epoch >= self.links_from
    }

    /// Hours for which a change of the address can be undone.
    pub const RESTORABLE_HOURS: u64 = 72;

    /// Returns the epoch that a change of the address starts now.
    pub fn next(self) -> u64 {
        self.current + 1
    }

    /// Returns the epochs after a change of the address. `owner_is_known`: whether the account's holder has proven
    /// ownership of the new one. Credentials created for the previous address are not known to belong to the owner of
    /// the new one.
    #[must_use]
    pub fn readdressed(self, owner_is_known: bool) -> Self {
        let current = self.next();
        Self {
            current,
            links_from: current,
            owner_from: owner_is_known.then_some(current),
            ..self
        }
    }

    /// Records that the latest change of the address can be undone.
    #[must_use]
    pub fn undoable(self, now: Timestamp) -> Self {
        Self {
            changes: self.changes.and(self.current, now),
            ..self
        }
    }

    /// Returns whether the address change that started `epoch` can still be undone, that is, whether it is one of those
    /// that led to the current address.
    pub fn may_undo(&self, epoch: u64) -> bool {
        self.changes.iter().any(|change| change.epoch == epoch)
    }

    /// Returns the epochs after the change that started `undone` was undone. Everything created since has ended;
    /// earlier changes can still be undone.
    #[must_use]
    pub fn restored(self, undone: u64) -> Self {
        let changes = self.changes.before(undone);
        let moved = Self {
            current: self.next(),
            changes,
            ..self
        };
        moved.ended_by_owner(KeptKeys::None)
    }
}

impl User {
    /// Returns whether the holder of this account's credentials is known to own its address. A stranger may have signed
    /// up with someone's address, whose owner then confirmed the email inadvertently.
    pub fn owner_is_known(&self) -> bool {
        self.email_verified && self.credentials.owner_from.is_some()
    }

    /// Returns whether an API key of this account was created after the last end of its credentials, or survived it.
    pub fn accepts_key(&self, key: &ApiKey) -> bool {
        let epochs = &self.credentials;
        let from = if key.is_relied_on(self) {
            epochs.relied_on_from
        } else {
            epochs.valid_from
        };
        key.epoch >= from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_before_an_end_has_ended_and_keys_that_are_relied_on_end_on_demand() {
        let begun = CredentialEpochs::of_new_account(true);
        let once = begun.ended(KeptKeys::ReliedOn);
        assert_eq!((once.current, once.valid_from, once.relied_on_from), (1, 1, 0));
        let all = once.ended(KeptKeys::None);
        assert_eq!((all.current, all.valid_from, all.relied_on_from), (2, 2, 2));
        assert_eq!(
            all.ended(KeptKeys::ReliedOn).relied_on_from,
            2,
            "an ended credential stays ended"
        );
    }

    #[test]
    fn keys_that_were_made_for_an_earlier_address_or_by_somebody_unknown_are_not_kept() {
        let moved = CredentialEpochs::of_new_account(true).readdressed(true);
        assert_eq!((moved.current, moved.valid_from, moved.owner_from), (1, 0, Some(1)));
        let ended = moved.ended(KeptKeys::ReliedOn);
        assert_eq!((ended.valid_from, ended.relied_on_from), (2, 1));
        let unknown = CredentialEpochs::default().ended(KeptKeys::ReliedOn);
        assert_eq!(unknown.relied_on_from, unknown.current);
    }

    #[test]
    fn links_outlast_an_end_by_a_session_where_that_is_asked_for_and_no_other_end() {
        let begun = CredentialEpochs::default();
        assert!(begun.ended_without_links(KeptKeys::None).accept_link(begun.current));
        for ended in [
            begun.ended(KeptKeys::None),
            begun.ended_by_owner(KeptKeys::None),
            begun.readdressed(true),
        ] {
            assert!(!ended.accept_link(begun.current) && ended.accept_link(ended.current));
        }
    }

    #[test]
    fn an_address_that_is_given_back_ends_everything_and_the_links_of_those_in_between() {
        let now = Timestamp::UNIX_EPOCH;
        let stolen = CredentialEpochs::default().readdressed(true).undoable(now);
        let hidden = stolen.readdressed(true).undoable(now);
        let restored = hidden.restored(stolen.current);
        assert_eq!(restored.valid_from, restored.current);
        assert_eq!(restored.relied_on_from, restored.current);
        assert!(!restored.may_undo(stolen.current) && !restored.may_undo(hidden.current));
        // A thief who undoes their own change leaves the owner's undo link valid.
        let undone = hidden.restored(hidden.current);
        assert!(undone.may_undo(stolen.current) && !undone.may_undo(hidden.current));
        // However often it is changed, the first change can be undone for three days.
        let many = (0..20).fold(stolen, |epochs, _| epochs.readdressed(true).undoable(now));
        assert!(many.may_undo(stolen.current) && !many.may_undo(many.current));
        let later = Timestamp::from_millisecond(73 * 3_600_000).unwrap_or_default();
        let next = many.readdressed(true).undoable(later);
        assert!(!next.may_undo(stolen.current) && next.may_undo(next.current));
    }
}
