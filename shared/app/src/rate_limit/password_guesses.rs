//! Rate limits of sign-in attempts; see [`domain::rate_limit`] for the rules.
//!
//! An attempt is counted before it is evaluated, so that concurrent attempts cannot exceed the limit, and uncounted if
//! it was correct. The counters depend only on the typed address and the network, so the response does not reveal
//! whether there is an account.

use std::time::Duration;

use domain::{
    Email, Error, Network, Result,
    rate_limit::{DISTINCT, Guesses, Lane, NETWORK},
};
use sha2::{Digest as _, Sha256};
use store::keys;
use unicode_normalization::UnicodeNormalization as _;

use crate::App;

/// An attempt that may be evaluated.
#[derive(Debug)]
pub(crate) struct Guess<'a> {
    account: &'a str,
    network: Option<&'a Network>,
    lane: Lane,
    before: Option<Guesses>,
    claimed: Guesses,
    is_distinct: bool,
    is_news: bool,
}

/// Returns the key under which guesses for an account are counted: the fingerprint of its address, or of the typed text
/// if it is not an address.
pub(crate) fn account(typed: &str) -> String {
    Email::parse(typed).map_or_else(
        |_| {
            let folded: String = typed.trim().nfkc().flat_map(char::to_lowercase).collect();
            hex::encode(Sha256::digest(folded))
        },
        |email| email.fingerprint(),
    )
}

fn too_many(retry_after: Duration) -> Error {
    Error::TooMany {
        code: "too_many_attempts",
        detail: "Too many sign-in attempts. Wait before you try again.",
        retry_after,
    }
}

impl App {
    /// Counts an attempt to sign in to `account` from `network`.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] if it may not be evaluated now.
    pub(crate) async fn guess<'a>(&self, account: &'a str, network: Option<&'a Network>) -> Result<Guess<'a>> {
        let (logins, limits) = (self.store.logins(), self.store.rate_limits());
        let mut taken = None;
        loop {
            let now = self.clock.now();
            let standing = logins.standing(account, network, now).await?;
            let before = standing.guesses;
            // A caller who must wait costs one read, however often they retry.
            let claimed = Guesses::add(before.as_ref(), now).map_err(too_many)?;
            let is_distinct = if let Some(is_distinct) = taken {
                is_distinct
            } else {
                let failures = keys::network_failures(network);
                limits.check(&failures, NETWORK, now).await?.map_err(too_many)?;
                let is_first = claimed.count == 1;
                let is_distinct = is_first && standing.lane == Lane::Stranger;
                let distinct = keys::distinct_failures();
                if is_distinct {
                    limits.check(&distinct, DISTINCT, now).await?.map_err(too_many)?;
                } else if is_first {
                    // Only an existing account has known networks, so this must not change the response time.
                    limits.touch(&distinct, DISTINCT, now).await?;
                }
                *taken.insert(is_distinct)
            };
            if logins.claim(account, standing.lane, before.as_ref(), &claimed).await? {
                return Ok(Guess {
                    account,
                    network,
                    lane: standing.lane,
                    before,
                    claimed,
                    is_distinct,
                    is_news: standing.is_news,
                });
            }
            // Another attempt was counted first, so check again.
        }
    }

    /// Counts a signed-in user's password guess as one from a known network, because a session is known.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] if it may not be evaluated now.
    pub(crate) async fn guess_in_session<'a>(&self, account: &'a str) -> Result<Guess<'a>> {
        let logins = self.store.logins();
        loop {
            let now = self.clock.now();
            let before = logins.lane(account, Lane::Known).await?;
            let claimed = Guesses::add(before.as_ref(), now).map_err(too_many)?;
            if logins.claim(account, Lane::Known, before.as_ref(), &claimed).await? {
                return Ok(Guess {
                    account,
                    network: None,
                    lane: Lane::Known,
                    before,
                    claimed,
                    is_distinct: false,
                    is_news: false,
                });
            }
        }
    }

    /// Uncounts a correct guess inside a session.
    pub(crate) async fn guess_in_session_succeeded(&self, guess: Guess<'_>) -> Result<()> {
        let Guess {
            account,
            lane,
            before,
            claimed,
            ..
        } = guess;
        self.store.logins().undo(account, lane, before.as_ref(), &claimed).await
    }

    /// Uncounts a correct guess, and remembers the network.
    pub(crate) async fn guess_succeeded(&self, guess: Guess<'_>) -> Result<()> {
        let (logins, limits) = (self.store.logins(), self.store.rate_limits());
        let failures = keys::network_failures(guess.network);
        limits.give_back(&failures, NETWORK).await?;
        if guess.is_distinct {
            limits.give_back(&keys::distinct_failures(), DISTINCT).await?;
        }
        if let Some(network) = guess.network.filter(|_| guess.is_news) {
            logins.know(guess.account, network, self.clock.now()).await?;
        }
        self.guess_in_session_succeeded(guess).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_account() {
        assert_eq!(account(" Ada@Example.com"), account("ａｄａ@example.COM"));
        assert_eq!(account("not an address "), account("NOT an address"));
        assert_ne!(account("ada@example.com"), account("adb@example.com"));
    }
}
