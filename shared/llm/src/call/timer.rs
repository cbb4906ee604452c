//! The time limits of one running call.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

use crate::{ModelError, TimeLimit, TimeLimits};

#[derive(Debug)]
pub(super) struct Timer {
    limits: TimeLimits,
    end: Instant,
    first: Option<Instant>,
    /// When the next piece is due; unset until somebody waits for it, so that a slow reader costs the model nothing.
    next: Option<Instant>,
}

impl Timer {
    pub(super) fn start(limits: TimeLimits) -> Self {
        let now = Instant::now();
        Self {
            limits,
            end: now + limits.total,
            first: Some(now + limits.first_token),
            next: None,
        }
    }

    /// A piece came: the next one has its own limit.
    pub(super) fn progress(&mut self) {
        self.first = None;
        self.next = None;
    }

    /// Waits for `work` no longer than the limit that is due first.
    pub(super) async fn limit<T>(&mut self, work: impl Future<Output = T>) -> Result<T, ModelError> {
        let (due, what) = match self.first {
            Some(first) => (first, TimeLimit::FirstToken),
            None => (
                *self
                    .next
                    .get_or_insert_with(|| Instant::now() + self.limits.between_tokens),
                TimeLimit::BetweenTokens,
            ),
        };
        let (due, what) = if self.end <= due {
            (self.end, TimeLimit::Total)
        } else {
            (due, what)
        };
        timeout_at(due, work).await.map_err(|_| ModelError::TimedOut { what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::time::Duration;

    async fn late(timer: &mut Timer) -> (Result<(), ModelError>, Duration) {
        let before = Instant::now();
        let outcome = timer.limit(pending()).await;
        (outcome, Instant::now() - before)
    }

    fn timed_out(what: TimeLimit, seconds: u64) -> (Result<(), ModelError>, Duration) {
        (Err(ModelError::TimedOut { what }), Duration::from_secs(seconds))
    }

    /// The clock of these tests stands still until everything waits.
    fn rounded((outcome, duration): (Result<(), ModelError>, Duration)) -> (Result<(), ModelError>, Duration) {
        (outcome, Duration::from_secs_f64(duration.as_secs_f64().round()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_token_has_15_seconds_and_each_further_one_20() {
        let mut timer = Timer::start(TimeLimits::default());
        assert_eq!(timer.limit(ready(1)).await, Ok(1));
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::FirstToken, 15));
        timer.progress();
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::BetweenTokens, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_answer_has_120_seconds() {
        let mut timer = Timer::start(TimeLimits::default());
        for _ in 0..11 {
            timer.progress();
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::Total, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_costs_the_model_nothing() {
        let mut timer = Timer::start(TimeLimits::default());
        timer.progress();
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::BetweenTokens, 20));
    }
}
