//! Rate limits on password guesses and other actions.
//!
//! Each account has two lanes. Guesses from networks that have signed in to the account before count in the lane of
//! known networks, all others in the lane of strangers, so that filling the latter does not lock out an owner on their
//! usual network. A lane never closes for longer than [`MAX_DELAY`] and allows at most 50 evaluated guesses per day;
//! both together stay below 100. Lanes are keyed by the typed address, whether or not an account has it, so that
//! responses reveal nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Guesses without a delay, and therefore also the maximum number of concurrent sign-ins of one account.
pub const FREE: u32 = 10;
/// Maximum delay between two guesses in one lane.
pub const MAX_DELAY: Duration = Duration::from_hours(1);
/// A lane without guesses for this long is reset.
pub const FORGET: Duration = Duration::from_hours(24);
/// How long a network stays known after its last successful sign-in.
pub const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// A leaky bucket: each failure adds one, and it drains steadily.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// Capacity.
    pub burst: u32,
    /// Time in which one failure drains.
    pub interval: Duration,
}

impl Bucket {
    const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval }
    }

    /// Returns a bucket for this many per day, all of which may come at once.
    pub fn per_day(number: u32) -> Self {
        let number = number.max(1);
        Self::new(number, Duration::from_hours(24) / number)
    }

    /// Returns a bucket for this many per minute, all of which may come at once.
    pub fn per_minute(number: u32) -> Self {
        let number = number.max(1);
        Self::new(number, Duration::from_mins(1) / number)
    }
}

/// Model requests per minute from a network of users who have not signed in.
pub const ANONYMOUS_PER_MINUTE: u32 = 10;

/// Failed sign-ins of one network, across accounts: enough for an office behind one address, and 2,900 per day.
pub const NETWORK: Bucket = Bucket::new(30, Duration::from_secs(30));

/// Distinct accounts for which strangers' sign-ins fail, platform-wide: a distributed attack that tries each account
/// once stays within the other limits. In normal operation only genuine typing errors add to it.
pub const DISTINCT: Bucket = Bucket::new(2_000, Duration::from_secs(1));

/// Emails to one address that were triggered by typing it.
pub const MAILS: Bucket = Bucket::new(3, Duration::from_mins(20));

/// Accounts created from one network: enough for a class that signs up together.
pub const SIGN_UPS: Bucket = Bucket::new(50, Duration::from_mins(1));

/// Emails with a verification link that a user requests for their own address.
pub const VERIFICATIONS: Bucket = Bucket::new(5, Duration::from_mins(10));

/// Changes of a user's own address. Each sends an email to a possible stranger, and a change from an unverified address
/// voids the links emailed to it.
pub const ADDRESS_CHANGES: Bucket = Bucket::new(5, Duration::from_hours(4));

/// Times that a session ends all sessions and voids emailed links as well. Limited so that the holder of a session
/// cannot keep the owner of the address from setting a password by ending everything repeatedly.
pub const LINK_ENDINGS: Bucket = Bucket::new(5, Duration::from_hours(4));

/// Invitations sent by one organization, including repeated ones.
pub const INVITATIONS: Bucket = Bucket::new(100, Duration::from_mins(5));

/// Queries that a user executes without a model, whose requests are limited otherwise.
pub const QUERIES: Bucket = Bucket::new(60, Duration::from_secs(1));

/// Conversations that visitors of a web site begin from one network: enough for an office behind one address.
pub const WIDGET_SESSIONS: Bucket = Bucket::new(60, Duration::from_secs(10));

/// Questions of a visitor in one conversation.
pub const WIDGET_QUESTIONS: Bucket = Bucket::new(20, Duration::from_secs(6));

/// Questions that visitors of a web site ask from one network.
pub const WIDGET_NETWORK_QUESTIONS: Bucket = Bucket::new(120, Duration::from_secs(1));

/// Messages to the people behind a web site in one conversation. Each sends an email.
pub const WIDGET_CONTACTS: Bucket = Bucket::new(3, Duration::from_hours(8));

/// The same, from one network.
pub const WIDGET_NETWORK_CONTACTS: Bucket = Bucket::new(10, Duration::from_mins(30));

/// Invitations received by one address, from all organizations.
pub const INVITED: Bucket = Bucket::new(50, Duration::from_mins(30));

/// The lane of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// From a network that has signed in before, or inside a session.
    Known,
    /// From anywhere else.
    Stranger,
}

/// The state of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guesses {
    /// Guesses that were evaluated or are being evaluated, except for correct ones.
    pub count: u32,
    /// When the next guess is allowed, in milliseconds since the Unix epoch.
    pub next_ms: i64,
    /// When the last guess arrived, in milliseconds since the Unix epoch.
    pub last_ms: i64,
}

impl Guesses {
    /// Returns the lane with one more guess, at `now`.
    ///
    /// # Errors
    /// Returns how long to wait if the guess comes too early.
    pub fn add(before: Option<&Self>, now: Timestamp) -> Result<Self, Duration> {
        let now_ms = now.as_millisecond();
        let before = before.filter(|lane| now_ms < lane.last_ms.saturating_add(millis(FORGET)));
        if let Some(wait) = before.map(|lane| lane.next_ms - now_ms).filter(|wait| *wait > 0) {
            return Err(Duration::from_millis(wait.unsigned_abs()));
        }
        let count = before.map_or(0, |lane| lane.count).saturating_add(1);
        Ok(Self {
            count,
            // Without a delay, store no time at all: the clocks of two machines may differ.
            next_ms: match millis(delay(count)) {
                0 => 0,
                delay => now_ms.saturating_add(delay),
            },
            last_ms: now_ms,
        })
    }
}

/// Returns the delay after the guess with this number: zero at first, then 1, 2, 4 ... seconds.
pub fn delay(count: u32) -> Duration {
    match count.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(MAX_DELAY),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of evaluated guesses per day of an attacker who retries as soon as it is allowed.
    fn greedy(days: usize) -> Vec<u32> {
        let (mut lane, mut now, mut evaluated) = (None, 0, vec![0; days]);
        loop {
            let at = Timestamp::from_millisecond(now).unwrap_or_default();
            let Some(today) = usize::try_from(now / 86_400_000)
                .ok()
                .and_then(|day| evaluated.get_mut(day))
            else {
                return evaluated;
            };
            match Guesses::add(lane.as_ref(), at) {
                Ok(more) => {
                    *today += 1;
                    lane = Some(more);
                }
                Err(wait) => now += millis(wait),
            }
        }
    }

    #[test]
    fn the_two_lanes_of_an_account_evaluate_at_most_100_guesses_a_day() {
        let days = greedy(30);
        assert!(days.iter().all(|evaluated| (1..=50).contains(evaluated)), "{days:?}");
    }

    #[test]
    fn the_delay_doubles_and_never_becomes_a_lock() {
        let seconds: Vec<u64> = (8..16).map(|count| delay(count).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 1, 2, 4, 8, 16, 32]);
        assert_eq!(delay(u32::MAX), MAX_DELAY);
    }

    #[test]
    fn a_day_without_guesses_is_forgiven() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
        let old = Guesses {
            count: 40,
            next_ms: 3_600_000,
            last_ms: 0,
        };
        assert_eq!(Guesses::add(Some(&old), at(0)), Err(MAX_DELAY));
        assert_eq!(Guesses::add(Some(&old), at(3_600_000)).map(|lane| lane.count), Ok(41));
        assert_eq!(Guesses::add(Some(&old), at(86_400_000)).map(|lane| lane.count), Ok(1));
    }
}
