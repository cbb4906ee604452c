//! Pauses before optimistic retries, and before requesting what a batch call left unprocessed.
//!
//! Failures of a single call are handled by [`crate::table::retry`].

use std::time::Duration;

use domain::{Error, Result, id::random_bytes};

/// All pauses together: less than the gateway's timeout.
const TOTAL_BUDGET: Duration = Duration::from_secs(15);
/// The ceiling of the first pause.
const FIRST: Duration = Duration::from_millis(10);
/// The highest ceiling of a pause.
const LONGEST: Duration = Duration::from_millis(500);

/// Pauses between attempts: each of a random length up to a ceiling that doubles, so that colliding callers spread out
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>, “full jitter”).
#[derive(Debug)]
pub(crate) struct Backoff {
    ceiling: Duration,
    left: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            ceiling: FIRST,
            left: TOTAL_BUDGET,
        }
    }
}

impl Backoff {
    /// Waits before the next attempt. Returns `false` if there is to be none.
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing tells when those in the way are done; short, random and bounded in all"
    )]
    pub(crate) async fn wait(&mut self) -> Result<bool> {
        let Some(pause) = self.pause(u16::from_be_bytes(random_bytes()?)) else {
            return Ok(false);
        };
        tokio::time::sleep(pause).await;
        Ok(true)
    }

    /// Returns the next pause; `None` if the budget is spent.
    fn pause(&mut self, random: u16) -> Option<Duration> {
        if self.left.is_zero() {
            return None;
        }
        let pause = (self.ceiling * u32::from(random) / u32::from(u16::MAX)).min(self.left);
        // Even a pause of zero costs an attempt, which takes time.
        self.left = self.left.saturating_sub(pause.max(FIRST));
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        Some(pause)
    }
}

/// Attempts of an optimistic write: read, decide, and write unless someone else wrote in between.
#[derive(Debug)]
pub struct OptimisticRetry {
    what: &'static str,
    number: u32,
    backoff: Backoff,
}

impl OptimisticRetry {
    /// Creates the attempts to change `what`, for example `an organization`.
    pub fn to_change(what: &'static str) -> Self {
        Self {
            what,
            number: 0,
            backoff: Backoff::default(),
        }
    }

    /// Begins an attempt, after a pause unless it is the first one. Returns whether it is the first one.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] when the pauses together took 15 seconds.
    pub async fn next(&mut self) -> Result<bool> {
        let is_first = self.number == 0;
        self.number += 1;
        if is_first || self.backoff.wait().await? {
            Ok(is_first)
        } else {
            Err(Error::unavailable(format!(
                "{} others changed {} at the same time",
                self.number, self.what
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_ceiling_and_end() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = std::iter::from_fn(|| backoff.pause(u16::MAX)).collect();
        let millis: Vec<u128> = pauses.iter().take(8).map(Duration::as_millis).collect();
        assert_eq!(millis, [10, 20, 40, 80, 160, 320, 500, 500]);
        assert_eq!(pauses.iter().sum::<Duration>(), TOTAL_BUDGET);
        let mut lucky = Backoff::default();
        let attempts = std::iter::from_fn(|| lucky.pause(0)).count();
        assert_eq!(attempts, 1500, "pauses of nothing come to an end as well");
    }
}
