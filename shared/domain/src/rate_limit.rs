//! How often a password may be guessed.
//!
//! Each account has two lanes. Guesses from networks from which someone has signed in to the account before are in
//! the lane of known networks, all others in the lane of strangers: whoever fills the latter keeps no owner out who
//! is where they always are. A lane never closes for longer than [`MAX_DELAY`], and lets at most 50 guesses a day
//! be evaluated; the two together stay below 100. Both are keyed by the address that was typed, whether or not an
//! account has it, so that the answers tell nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Guesses that need not wait for the ones before: also how many sign-ins of one account may run at once.
pub const FREE: u32 = 10;
/// Longest wait between two guesses in one lane.
pub const MAX_DELAY: Duration = Duration::from_hours(1);
/// A lane without guesses for this long is forgotten.
pub const FORGET: Duration = Duration::from_hours(24);
/// How long a network stays known after the last sign-in that made it so.
pub const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// A bucket that fills by one with every failure and empties steadily.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// Failures that fit at once.
    pub burst: u32,
    /// Time in which one of them is forgotten.
    pub interval: Duration,
}

impl Bucket {
    const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval }
    }

    /// A bucket for so many in a minute, all of them at once if need be.
    pub fn per_minute(number: u32) -> Self {
        let number = number.max(1);
        Self::new(number, Duration::from_mins(1) / number)
    }
}

/// Questions to models a minute from a network of people who have not signed in.
pub const ANONYMOUS_PER_MINUTE: u32 = 10;

/// Failed sign-ins of one network, whatever the accounts: enough for an office behind one address, and 2,900 a day.
pub const NETWORK: Bucket = Bucket::new(30, Duration::from_secs(30));

/// Different accounts that strangers fail to sign in to, on the whole platform: a distributed attack that tries each
/// account once passes the other limits. It fills in normal operation only by real typing errors.
pub const DISTINCT: Bucket = Bucket::new(2_000, Duration::from_secs(1));

/// Emails that one address gets because someone typed it.
pub const MAILS: Bucket = Bucket::new(3, Duration::from_mins(20));

/// Accounts that one network makes: enough for a class that signs up together.
pub const SIGN_UPS: Bucket = Bucket::new(50, Duration::from_mins(1));

/// Emails with a link to verify the own address that someone asks for.
pub const VERIFICATIONS: Bucket = Bucket::new(5, Duration::from_mins(10));

/// Changes of the own address that someone asks for: each emails to someone who may be a stranger, and one of an address
/// that was not verified makes the links void that were emailed to it.
pub const ADDRESS_CHANGES: Bucket = Bucket::new(5, Duration::from_hours(4));

/// Ends of all sessions by one of them that make emailed links void too. Whoever has a session cannot keep the owner of
/// the address from setting a password by ending everything again and again.
pub const LINK_ENDINGS: Bucket = Bucket::new(5, Duration::from_hours(4));

/// Invitations that one organization sends, those that are sent again included.
pub const INVITATIONS: Bucket = Bucket::new(100, Duration::from_mins(5));

/// Invitations that one address gets, from whatever organizations.
pub const INVITED: Bucket = Bucket::new(50, Duration::from_mins(30));

/// Which of an account's lanes a guess is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// From a network that signed in before, or inside a session.
    Known,
    /// From anywhere else.
    Stranger,
}

/// What a lane remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guesses {
    /// Guesses that were evaluated, or are being evaluated, and were not right.
    pub count: u32,
    /// The next one may come from here on.
    pub next_ms: i64,
    /// When the last one came.
    pub last_ms: i64,
}

impl Guesses {
    /// The lane with one guess more, at `now`.
    ///
    /// # Errors
    /// How long to wait, when it comes too early.
    pub fn add(before: Option<&Self>, now: Timestamp) -> Result<Self, Duration> {
        let now_ms = now.as_millisecond();
        let before = before.filter(|lane| now_ms < lane.last_ms.saturating_add(millis(FORGET)));
        if let Some(wait) = before.map(|lane| lane.next_ms - now_ms).filter(|wait| *wait > 0) {
            return Err(Duration::from_millis(wait.unsigned_abs()));
        }
        let count = before.map_or(0, |lane| lane.count).saturating_add(1);
        Ok(Self {
            count,
            // Without a delay there is no time at all: the clocks of two machines may differ.
            next_ms: match millis(delay(count)) {
                0 => 0,
                delay => now_ms.saturating_add(delay),
            },
            last_ms: now_ms,
        })
    }
}

/// The wait after the guess with this number: none at first, then 1, 2, 4 ... seconds.
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

    /// Evaluated guesses of someone who tries again the moment it is allowed, in each of some days.
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
