//! Epochs of an account's credentials: one write to the account ends all that were made before it.

use serde::{Deserialize, Serialize};

use crate::{ApiKey, User};

/// Up to which point the credentials of an account have ended. API keys, mailed links and exports carry the epoch they
/// were made in; sessions have [`User::session_epoch`], which a new password raises too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialEpochs {
    /// The epoch of what is made now. The end of all credentials and a change of the address raise it. A mailed link is
    /// good in the epoch it was made in and in no other.
    pub current: u64,
    /// Credentials of earlier epochs have ended.
    pub valid_from: u64,
    /// The same for API keys that others rely on ([`ApiKey::is_relied_on`]).
    pub relied_on_from: u64,
    /// The epoch in which the account got its address.
    pub address_from: u64,
    /// Links of earlier epochs that give an earlier address back are void.
    pub restorable_from: u64,
    /// Links of earlier epochs to people at Clerk are void.
    pub clerk_from: u64,
}

/// Which API keys outlast the end of all other credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptKeys {
    /// Those that others rely on, as far as they were made for the address that the account has.
    ReliedOn,
    /// None.
    None,
}

impl CredentialEpochs {
    /// After the end of all credentials.
    #[must_use]
    pub fn ended(self, kept: KeptKeys) -> Self {
        let current = self.current + 1;
        Self {
            current,
            valid_from: current,
            relied_on_from: match kept {
                KeptKeys::ReliedOn => self.relied_on_from.max(self.address_from),
                KeptKeys::None => current,
            },
            ..self
        }
    }

    /// The same, links to people at Clerk included: whoever showed that the address is theirs is linked again.
    #[must_use]
    pub fn ended_with_links(self, kept: KeptKeys) -> Self {
        let ended = self.ended(kept);
        Self {
            clerk_from: ended.current,
            ..ended
        }
    }

    /// After a change of the address.
    #[must_use]
    pub fn readdressed(self) -> Self {
        let current = self.current + 1;
        Self {
            current,
            address_from: current,
            ..self
        }
    }

    /// After an earlier address was given back: all that was made under the one in between has ended.
    #[must_use]
    pub fn restored(self) -> Self {
        let ended = self.readdressed().ended_with_links(KeptKeys::None);
        Self {
            restorable_from: ended.current,
            ..ended
        }
    }
}

impl User {
    /// Whether an API key of this account was made after the last end of its credentials, or outlasted it.
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
        let begun = CredentialEpochs::default();
        let once = begun.ended(KeptKeys::ReliedOn);
        assert_eq!((once.current, once.valid_from, once.relied_on_from), (1, 1, 0));
        let all = once.ended(KeptKeys::None);
        assert_eq!((all.current, all.valid_from, all.relied_on_from), (2, 2, 2));
        assert_eq!(
            all.ended(KeptKeys::ReliedOn).relied_on_from,
            2,
            "what has ended stays so"
        );
    }

    #[test]
    fn keys_that_were_made_for_an_earlier_address_are_not_kept() {
        let moved = CredentialEpochs::default().readdressed();
        assert_eq!((moved.current, moved.valid_from, moved.address_from), (1, 0, 1));
        let ended = moved.ended(KeptKeys::ReliedOn);
        assert_eq!((ended.valid_from, ended.relied_on_from), (2, 1));
    }

    #[test]
    fn an_address_that_is_given_back_ends_everything_and_the_links_of_those_in_between() {
        let restored = CredentialEpochs::default().readdressed().readdressed().restored();
        assert_eq!(restored.valid_from, restored.current);
        assert_eq!(restored.relied_on_from, restored.current);
        assert_eq!(restored.restorable_from, restored.current);
    }
}
