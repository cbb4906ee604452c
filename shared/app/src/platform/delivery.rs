//! Deliveries of queue messages: how long one lasts, and when a message whose work failed is delivered again.
//!
//! A message is invisible while an invocation has it. A function that is cut off or killed says nothing, so its
//! messages stay invisible until their visibility timeout ends. Of a queue that is six times the timeout of the function
//! (what AWS advises, <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>), because Lambda may be
//! kept from invoking it for as long. Once it is invoked that reason is gone: [`App::hold_messages`] shortens the timeout
//! to what is left of the invocation.

use std::time::Duration;

use domain::{Error, Result, Timestamp, id::random_bytes, time::after};
use futures::future::BoxFuture;
use store::Queue;

use crate::App;

/// How long after the end of an invocation its messages come back, if it did not report them.
const HOLD_MARGIN: Duration = Duration::from_secs(10);
/// How long after the end of an invocation what it had leased is free: before its messages come back.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// Longest delay after the first failure; it doubles with each delivery.
const FIRST_DELAY: Duration = Duration::from_secs(5);
/// Longest delay after any failure.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// One delivery of a queue message.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// ID of the message.
    pub message_id: String,
    /// How often the queue has delivered the message, this time included. Deliveries that came to nothing for reasons
    /// that have nothing to do with the message count too, so this says little about the message itself.
    pub receive_count: u32,
    /// When the invocation ends at the latest.
    pub ends_at: Timestamp,
}

impl Delivery {
    /// Deliveries after which the queue moves a message to its dead-letter queue (`maxReceiveCount`): ten hours of
    /// failures, or 49 deaths of the worker.
    pub const MAX: u32 = 50;

    /// Whether the queue gives the message up if this delivery fails.
    pub fn is_last(&self) -> bool {
        self.receive_count >= Self::MAX
    }

    /// Who holds what this delivery leases.
    pub(crate) fn holder(&self) -> String {
        format!("{}/{}", self.message_id, self.receive_count)
    }

    /// When what this delivery leases is free again, unless it is returned before.
    pub(crate) fn lease_end(&self) -> Timestamp {
        after(self.ends_at, LEASE_MARGIN)
    }

    /// How long the message is left alone after `error`. What another delivery has in its hands is looked at again when
    /// that must have ended; everything else after a delay that grows. `random`: of the jitter.
    fn delay(&self, error: &Error, random: u16) -> Duration {
        let part = |whole: Duration| whole * u32::from(random) / u32::from(u16::MAX);
        if let Error::InProgress { retry_after, .. } = error {
            return *retry_after + part(FIRST_DELAY);
        }
        let doublings = self.receive_count.saturating_sub(1).min(16);
        let most = (FIRST_DELAY * (1 << doublings)).min(LONGEST_DELAY);
        // At least half of it: who failed together should not come back at once.
        most / 2 + part(most / 2)
    }
}

impl App {
    /// Has the messages of an invocation come back soon after its end, should it not live to report them. Best effort:
    /// they come back later otherwise.
    pub fn hold_messages<'a>(
        &'a self,
        queue: &'a str,
        receipt_handles: &'a [String],
        ends_at: Timestamp,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let left = ends_at.duration_since(self.clock.now());
            let left = Duration::try_from(left).unwrap_or_default() + HOLD_MARGIN;
            if let Err(error) = self.hide(queue, receipt_handles, left).await {
                tracing::warn!(queue, error = &error as &dyn std::error::Error, "delivery.not_held");
            }
        })
    }

    /// Has a message whose work failed with `error` come back after a delay. To be called before the failure is reported:
    /// Lambda leaves the visibility of what a worker reports as failed as it is. Best effort: the message comes back after
    /// the end of the invocation otherwise.
    pub fn retry_later<'a>(
        &'a self,
        queue: &'a str,
        receipt_handle: String,
        delivery: &'a Delivery,
        error: &'a Error,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let random = random_bytes().map_or(u16::MAX, u16::from_be_bytes);
            let delay = delivery.delay(error, random);
            if let Err(error) = self.hide(queue, &[receipt_handle], delay).await {
                tracing::warn!(queue, error = &error as &dyn std::error::Error, "delivery.not_delayed");
            }
        })
    }

    async fn hide(&self, queue: &str, receipt_handles: &[String], timeout: Duration) -> Result<()> {
        let queue = Queue::by_name(queue).ok_or_else(|| Error::internal(format!("there is no queue {queue}")))?;
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
        let failed = Error::unavailable("the bucket is away");
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
            "{in_all} s until a message is given up"
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
