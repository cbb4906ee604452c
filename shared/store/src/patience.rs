//! How long a write is tried again that others got in the way of.

use std::time::Duration;

use model::{Result, id::random_bytes};

/// All pauses together: less than the gateway waits for an answer.
const IN_ALL: Duration = Duration::from_secs(15);
/// The longest that the first pause can be.
const FIRST: Duration = Duration::from_millis(10);
/// The longest that any pause can be.
const LONGEST: Duration = Duration::from_millis(500);

/// Pauses between attempts: each of a random length up to a limit that doubles, so that those who met once do not meet
/// again (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>, “full jitter”).
#[derive(Debug)]
pub(crate) struct Patience {
    most: Duration,
    left: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            most: FIRST,
            left: IN_ALL,
        }
    }
}

impl Patience {
    /// Waits before the next attempt; answers `false` when there is to be none.
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

    /// The next pause; none when patience is at its end.
    fn pause(&mut self, random: u16) -> Option<Duration> {
        if self.left.is_zero() {
            return None;
        }
        let pause = (self.most * u32::from(random) / u32::from(u16::MAX)).min(self.left);
        // Even a pause of nothing takes an attempt, which is not for nothing.
        self.left = self.left.saturating_sub(pause.max(FIRST));
        self.most = (self.most * 2).min(LONGEST);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_end() {
        let mut patience = Patience::default();
        let pauses: Vec<Duration> = std::iter::from_fn(|| patience.pause(u16::MAX)).collect();
        let millis: Vec<u128> = pauses.iter().take(8).map(Duration::as_millis).collect();
        assert_eq!(millis, [10, 20, 40, 80, 160, 320, 500, 500]);
        assert_eq!(pauses.iter().sum::<Duration>(), IN_ALL);
        let mut lucky = Patience::default();
        let attempts = std::iter::from_fn(|| lucky.pause(0)).count();
        assert_eq!(attempts, 1500, "pauses of nothing come to an end as well");
    }
}
