//! Deliveries of queue messages: how long one lasts, and when a failed message is delivered again.
//!
//! A message is invisible while an invocation processes it. A function that is cut off or killed reports nothing, so
//! its messages stay invisible until their visibility timeout ends. The queue's own is six times the function's timeout
//! (as AWS recommends, <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>), because Lambda may
//! be throttled for that long. After the invocation has started that reason no longer applies: [`App::hold_messages`]
//! shortens the timeout to the rest of the invocation.

use std::time::Duration;

use domain::{Error, Queue, Result, Timestamp, id::random_bytes, time::after};
use futures::future::BoxFuture;

use crate::App;

/// How long after the end of an invocation its unreported messages become visible again.
const HOLD_MARGIN: Duration = Duration::from_secs(10);
/// How long after the end of an invocation its leases expire: before its messages become visible again.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// Maximum delay after the first failure; it doubles with each delivery.
const FIRST_DELAY: Duration = Duration::from_secs(5);
/// Maximum delay after any failure.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// A delivery of a queue message.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message's ID.
    pub message_id: String,
    /// Number of deliveries of the message, including this one. Deliveries that failed for unrelated reasons count too,
    /// so this says little about the message itself.
    pub receive_count: u32,
    /// The latest end of the invocation.
    pub ends_at: Timestamp,
}

impl Delivery {
    /// Number of deliveries after which the queue moves a message to its dead-letter queue (`maxReceiveCount`): ten
    /// hours of failures, or 49 worker crashes.
    pub const MAX: u32 = 50;

    /// Returns whether the queue moves the message to its dead-letter queue if this delivery fails.
    pub fn is_last(&self) -> bool {
        self.receive_count >= Self::MAX
    }

    /// Returns the lease holder's name for this delivery.
    pub(crate) fn holder(&self) -> String {
        format!("{}/{}", self.message_id, self.receive_count)
    }

    /// Returns when this delivery's leases expire, unless they are released before.
    pub(crate) fn lease_end(&self) -> Timestamp {
        after(self.ends_at, LEASE_MARGIN)
    }

    /// Returns the delay before the next delivery after `error`. Work leased to another delivery is retried when that
    /// lease must have expired; everything else after a growing delay, and not before a provider wants it. `random`: source
    /// of the jitter.
    fn delay(&self, error: &Error, random: u16) -> Duration {
        let part = |whole: Duration| whole * u32::from(random) / u32::from(u16::MAX);
        if let Error::InProgress { retry_after, .. } = error {
            return *retry_after + part(FIRST_DELAY);
        }
        let doublings = self.receive_count.saturating_sub(1).min(16);
        let most = (FIRST_DELAY * (1 << doublings)).min(LONGEST_DELAY);
        // At least half of it, so that concurrent failures do not all return at once.
        let delay = most / 2 + part(most / 2);
        match error {
            Error::Upstream {
                retry_after: Some(after),
                ..
            } => delay.max((*after).min(LONGEST_DELAY) + part(FIRST_DELAY)),
            _ => delay,
        }
    }
}

impl App {
    /// Makes the messages of an invocation visible soon after its end, in case it does not live to report them. Best
    /// effort: otherwise they become visible later.
    pub fn hold_messages<'a>(
        &'a self,
        queue: Queue,
        receipt_handles: &'a [String],
        ends_at: Timestamp,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let left = ends_at.duration_since(self.clock.now());
            let left = Duration::try_from(left).unwrap_or_default() + HOLD_MARGIN;
            if let Err(error) = self.hide(queue, receipt_handles, left).await {
                tracing::warn!(
                    queue = queue.name(),
                    error = &error as &dyn std::error::Error,
                    "delivery.not_held"
                );
            }
        })
    }

    /// Delays the next delivery of a message that failed with `error`. Must be called before the failure is reported:
    /// Lambda does not change the visibility of messages that a worker reports as failed. Best effort: otherwise the
    /// message becomes visible after the end of the invocation.
    pub fn retry_later<'a>(
        &'a self,
        queue: Queue,
        receipt_handle: String,
        delivery: &'a Delivery,
        error: &'a Error,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let random = random_bytes().map_or(u16::MAX, u16::from_be_bytes);
            let delay = delivery.delay(error, random);
            if let Err(error) = self.hide(queue, &[receipt_handle], delay).await {
                tracing::warn!(
                    queue = queue.name(),
                    error = &error as &dyn std::error::Error,
                    "delivery.not_delayed"
                );
            }
        })
    }

    async fn hide(&self, queue: Queue, receipt_handles: &[String], timeout: Duration) -> Result<()> {
        self.queues.hide(queue, receipt_handles, timeout).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(receive_count: u32) -> Delivery {
        Delivery {
            message_id: "m".to_owned(),
            receive_count,
            ends_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn delays_grow_from_seconds_to_a_quarter_of_an_hour() {
        let failed = Error::unavailable("the bucket is unavailable");
        let longest = |count| delivery(count).delay(&failed, u16::MAX).as_secs();
        assert_eq!(
            (1..=10).map(longest).collect::<Vec<_>>(),
            [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
        );
        let shortest = |count| delivery(count).delay(&failed, 0).as_secs_f32();
        assert!((shortest(1) - 2.5).abs() < 0.01 && (shortest(Delivery::MAX) - 450.0).abs() < 0.01);
        let in_all: u64 = (1..Delivery::MAX).map(longest).sum();
        assert!(
            (9 * 3600..12 * 3600).contains(&in_all),
            "{in_all} s until a message becomes a dead letter"
        );
    }

    #[test]
    fn what_another_delivery_holds_is_looked_at_when_that_has_ended() {
        let held = Error::InProgress {
            detail: "held",
            retry_after: Duration::from_secs(77),
        };
        for (random, seconds) in [(0, 77), (u16::MAX, 82)] {
            assert_eq!(delivery(9).delay(&held, random), Duration::from_secs(seconds));
        }
    }

    #[test]
    fn a_lease_is_free_before_the_message_of_a_dead_worker_is_back() {
        assert!(LEASE_MARGIN < HOLD_MARGIN);
    }
}
