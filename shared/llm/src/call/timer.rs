//! The time limits of one running call.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

use crate::{ModelError, TimeLimit, TimeLimits};

#[derive(Debug)]
pub(super) struct Timer {
    limits: TimeLimits,
    end: Instant,
    /// Whether a piece has arrived.
    has_begun: bool,
    /// When the next sign of life is due; unset until awaited, so that a slow reader does not use up the model's time.
    next: Option<Instant>,
}

impl Timer {
    pub(super) fn start(limits: TimeLimits) -> Self {
        let now = Instant::now();
        Self {
            limits,
            end: now + limits.total,
            has_begun: false,
            next: Some(now + limits.first_token),
        }
    }

    /// Records any data, even a ping: the model is still working.
    pub(super) fn alive(&mut self) {
        self.next = None;
    }

    /// Records a piece: from now on, the limit between pieces applies.
    pub(super) fn progress(&mut self) {
        self.has_begun = true;
        self.next = None;
    }

    /// Waits for `work` no longer than the limit that is due first.
    pub(super) async fn limit<T>(&mut self, work: impl Future<Output = T>) -> Result<T, ModelError> {
        let (limit, what) = if self.has_begun {
            (self.limits.between_tokens, TimeLimit::BetweenTokens)
        } else {
            (self.limits.first_token, TimeLimit::FirstToken)
        };
        let due = *self.next.get_or_insert_with(|| Instant::now() + limit);
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

    /// The clock of these tests advances only while everything waits.
    fn rounded((outcome, duration): (Result<(), ModelError>, Duration)) -> (Result<(), ModelError>, Duration) {
        (outcome, Duration::from_secs_f64(duration.as_secs_f64().round()))
    }

    /// The limits in these tests.
    const LIMITS: TimeLimits = TimeLimits {
        connect: Duration::from_secs(2),
        first_token: Duration::from_secs(15),
        between_tokens: Duration::from_secs(20),
        total: Duration::from_mins(2),
    };

    #[tokio::test(start_paused = true)]
    async fn the_first_token_has_a_limit_and_each_further_one_another() {
        let mut timer = Timer::start(LIMITS);
        assert_eq!(timer.limit(ready(1)).await, Ok(1));
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::FirstToken, 15));
        timer.progress();
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::BetweenTokens, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_before_the_first_token_is_enough() {
        let mut timer = Timer::start(LIMITS);
        for _ in 0..4 {
            tokio::time::advance(Duration::from_secs(14)).await;
            assert_eq!(timer.limit(ready(1)).await, Ok(1));
            timer.alive();
        }
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::FirstToken, 15));
    }

    #[tokio::test(start_paused = true)]
    async fn signs_of_life_do_not_go_on_for_ever() {
        let mut timer = Timer::start(LIMITS);
        for _ in 0..11 {
            timer.alive();
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::Total, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_costs_the_model_nothing() {
        let mut timer = Timer::start(LIMITS);
        timer.progress();
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(rounded(late(&mut timer).await), timed_out(TimeLimit::BetweenTokens, 20));
    }
}
