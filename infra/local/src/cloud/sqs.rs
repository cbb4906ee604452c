//! SQS: standard queues with visibility timeouts, delays, retention and dead-letter queues, stored in SQLite.
//!
//! Messages are roughly in order, delivery is at least once, and only a deletion removes a message. Statements take
//! microseconds, so they run on the caller's thread, under one lock.

mod error;
mod message;
mod queue;
mod store;
mod wire;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use error::{Kind, SqsError};
pub use message::{DeadLetter, Message, MessageAttribute, MessageAttributes};
pub use queue::{Attributes, arn, redrive_policy};
pub use store::Counts;

use super::folder::not_opened;
use super::{Clock, StartError};
use message::{Draft, read_handle};
use queue::{Queue, check_attributes, check_name};
use store::{Steps, Store};

/// The shortest wait for a message to become visible, which avoids spinning on a clock that stands still.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// The maximum number of in-flight messages of a queue.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
const MAX_IN_FLIGHT: i64 = 120_000;

/// The queues.
pub struct Sqs {
    store: Mutex<Store>,
    clock: Clock,
    endpoint: String,
    changes: watch::Sender<()>,
    /// The maximum number of messages of a queue that are received and not deleted.
    max_in_flight: i64,
}

impl Sqs {
    /// Opens the file, or empty queues in memory.
    pub(super) fn open(path: Option<&Path>, clock: Clock, endpoint: &str) -> Result<Self, StartError> {
        let store = Store::open(path).map_err(|error| not_opened(path, &error))?;
        let changes = watch::Sender::new(());
        Ok(Self {
            store: Mutex::new(store),
            clock,
            endpoint: endpoint.to_owned(),
            changes,
            max_in_flight: MAX_IN_FLIGHT,
        })
    }

    /// Creates a queue with these attributes. An existing queue with the same attributes stays as it is.
    ///
    /// # Errors
    /// [`Kind::QueueNameExists`] if it exists with other attributes, and those of an invalid name or attribute.
    pub fn create_queue(&self, name: &str, attributes: &Attributes) -> Result<(), SqsError> {
        check_name(name)?;
        check_attributes(attributes)?;
        self.steps(|steps, now| {
            check_dead_letters(steps, attributes)?;
            let Some(existing) = steps.find_queue(name)? else {
                return steps.insert_queue(name, &without_empty(attributes.clone()), now);
            };
            match attributes.iter().find(|(key, value)| !existing.has(key, value)) {
                None => Ok(()),
                Some((key, _)) => {
                    let message =
                        format!("A queue already exists with the same name and a different value for attribute {key}");
                    Err(SqsError::new(Kind::QueueNameExists, message))
                }
            }
        })
    }

    /// Sets some attributes of a queue. An empty text removes one.
    ///
    /// # Errors
    /// [`Kind::QueueDoesNotExist`], and those of an invalid attribute.
    pub fn set_attributes(&self, name: &str, attributes: &Attributes) -> Result<(), SqsError> {
        check_attributes(attributes)?;
        self.steps(|steps, now| {
            let queue = steps.queue(name)?;
            check_dead_letters(steps, attributes)?;
            let mut merged = queue.attributes;
            merged.extend(attributes.clone());
            steps.update_queue(name, &without_empty(merged), now)
        })?;
        self.wake();
        Ok(())
    }

    /// Returns all attributes of a queue, including counts.
    ///
    /// # Errors
    /// [`Kind::QueueDoesNotExist`].
    pub fn attributes(&self, name: &str) -> Result<Attributes, SqsError> {
        self.steps(|steps, now| {
            let queue = steps.queue(name)?;
            steps.expire(&queue, now)?;
            let counts = steps.counts(name, now)?;
            let mut all = queue.described();
            all.insert("ApproximateNumberOfMessages".into(), counts.visible.to_string());
            all.insert(
                "ApproximateNumberOfMessagesNotVisible".into(),
                counts.in_flight.to_string(),
            );
            all.insert("ApproximateNumberOfMessagesDelayed".into(), counts.delayed.to_string());
            Ok(all)
        })
    }

    /// Returns how many messages a queue holds.
    ///
    /// # Errors
    /// [`Kind::QueueDoesNotExist`].
    pub fn counts(&self, name: &str) -> Result<Counts, SqsError> {
        self.steps(|steps, now| {
            let queue = steps.queue(name)?;
            steps.expire(&queue, now)?;
            steps.counts(name, now)
        })
    }

    /// Receives up to `max` messages that are visible now. Without `visibility`, the queue's own timeout applies.
    ///
    /// # Errors
    /// [`Kind::QueueDoesNotExist`]; [`Kind::OverLimit`] if too many are in flight.
    pub fn receive(&self, name: &str, max: usize, visibility: Option<Duration>) -> Result<Vec<Message>, SqsError> {
        let received = self.steps(|steps, now| {
            let queue = steps.queue(name)?;
            steps.expire(&queue, now)?;
            if steps.is_over_limit(name, now, self.max_in_flight)? {
                let message = format!(
                    "The queue has {} messages in flight, the most it may have.",
                    self.max_in_flight
                );
                return Err(SqsError::new(Kind::OverLimit, message));
            }
            let visibility_ms = visibility.map_or(queue.visibility_ms(), millis);
            steps.receive(&queue, max, visibility_ms, now)
        })?;
        if received.given_up > 0 {
            tracing::warn!(
                queue = name,
                count = received.given_up,
                "messages moved to the dead-letter queue"
            );
            self.wake();
        }
        Ok(received.messages)
    }

    /// Deletes a received message. A handle that a later receive replaced deletes nothing.
    ///
    /// # Errors
    /// [`Kind::QueueDoesNotExist`] and [`Kind::ReceiptHandleIsInvalid`].
    pub fn delete(&self, name: &str, receipt_handle: &str) -> Result<(), SqsError> {
        self.steps(|steps, _| {
            steps.queue(name)?;
            let (id, receipt) = read_handle(receipt_handle)?;
            steps.delete(name, &id, &receipt)
        })
    }

    /// Returns the messages in the dead-letter queue of `name`, oldest first.
    ///
    /// # Errors
    /// [`Kind::QueueDoesNotExist`]; [`Kind::ResourceNotFound`] if the queue has no dead-letter queue.
    pub fn dead_letters(&self, name: &str) -> Result<Vec<DeadLetter>, SqsError> {
        self.steps(|steps, now| {
            let dead_letters = dead_letter_queue(steps, name)?;
            steps.expire(&dead_letters, now)?;
            steps.dead_letters(&dead_letters.name, name)
        })
    }

    /// Moves the dead letters of `name` back to it, as new messages, and returns how many.
    ///
    /// # Errors
    /// Those of [`Sqs::dead_letters`].
    pub fn redrive(&self, name: &str) -> Result<usize, SqsError> {
        let moved = self.steps(|steps, now| {
            let dead_letters = dead_letter_queue(steps, name)?;
            steps.expire(&dead_letters, now)?;
            steps.redrive(&dead_letters.name, name, name, now)
        })?;
        self.wake();
        Ok(moved)
    }

    /// Makes all waiting callers check again. Call it after moving the clock.
    pub fn wake(&self) {
        self.changes.send_replace(());
    }

    /// Returns a channel that signals whenever a message may have become visible.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Returns how long until a message of the queue becomes visible by itself; `None` if none will.
    ///
    /// # Errors
    /// If the queues cannot be read.
    pub fn until_next(&self, name: &str) -> Result<Option<Duration>, SqsError> {
        self.steps(|steps, now| {
            let next = steps.next_visible(name, now)?;
            Ok(next.map(|next| Duration::from_millis(next.abs_diff(now)).max(SHORTEST_WAIT)))
        })
    }

    /// Waits until a message may have become visible: something changed, or a timeout or delay ended.
    pub(super) async fn changed(&self, name: &str, changes: &mut watch::Receiver<()>) -> Result<(), SqsError> {
        match self.until_next(name)? {
            Some(next) => {
                // Reaching the timeout is the result, not an error.
                let _ = tokio::time::timeout(next, changes.changed()).await;
            }
            None => {
                let _ = changes.changed().await;
            }
        }
        Ok(())
    }

    /// Receives messages, waiting for the first one at most `wait`.
    async fn receive_within(
        &self,
        name: &str,
        max: usize,
        visibility: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<Message>, SqsError> {
        let mut changes = self.changes();
        let received = async {
            loop {
                changes.mark_unchanged();
                let messages = match self.receive(name, max, visibility) {
                    // A waiting caller does not receive this error.
                    Err(error) if error.kind() == Kind::OverLimit && !wait.is_zero() => Vec::new(),
                    received => received?,
                };
                if !messages.is_empty() || wait.is_zero() {
                    return Ok::<_, SqsError>(messages);
                }
                self.changed(name, &mut changes).await?;
            }
        };
        // The timeout can only occur while nothing is received, so no message is lost with the future.
        let messages = match tokio::time::timeout(wait.max(SHORTEST_WAIT), received).await {
            Ok(received) => received?,
            Err(_) => Vec::new(),
        };
        if !messages.is_empty() {
            self.wake();
        }
        Ok(messages)
    }

    fn send(&self, name: &str, draft: &Draft) -> Result<String, SqsError> {
        let id = self.steps(|steps, now| {
            let queue = steps.queue(name)?;
            check_size(&queue, draft)?;
            steps.send(&queue, draft, now)
        })?;
        self.wake();
        Ok(id)
    }

    fn steps<T>(&self, work: impl FnOnce(&Steps<'_>, i64) -> Result<T, SqsError>) -> Result<T, SqsError> {
        let now = (self.clock)();
        // A panic in another call rolled its transaction back, so the store is consistent.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.transaction(|steps| work(steps, now))
    }
}

fn without_empty(mut attributes: Attributes) -> Attributes {
    attributes.retain(|_, value| !value.is_empty());
    attributes
}

fn check_dead_letters(steps: &Steps<'_>, attributes: &Attributes) -> Result<(), SqsError> {
    let named = Queue {
        name: String::new(),
        attributes: attributes.clone(),
        created_ms: 0,
        modified_ms: 0,
    };
    let Some(redrive) = named.redrive() else { return Ok(()) };
    if steps.find_queue(&redrive.dead_letter_queue)?.is_some() {
        return Ok(());
    }
    let policy = attributes.get("RedrivePolicy").map_or("", String::as_str);
    Err(SqsError::invalid(
        "RedrivePolicy",
        policy,
        "Dead letter target does not exist.",
    ))
}

fn dead_letter_queue(steps: &Steps<'_>, name: &str) -> Result<Queue, SqsError> {
    let redrive = steps
        .queue(name)?
        .redrive()
        .ok_or_else(|| SqsError::new(Kind::ResourceNotFound, "The queue has no dead-letter queue."))?;
    steps.queue(&redrive.dead_letter_queue)
}

fn check_size(queue: &Queue, draft: &Draft) -> Result<(), SqsError> {
    if draft.bytes() > queue.max_bytes() {
        let message = format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
            queue.max_bytes()
        );
        return Err(SqsError::new(Kind::InvalidParameterValue, message));
    }
    Ok(())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn who_receives_beyond_the_limit_is_told_and_who_waits_gets_nothing() {
        let mut sqs = Sqs::open(None, Arc::new(|| 0), "http://localhost").unwrap();
        sqs.max_in_flight = 2;
        sqs.create_queue("jobs", &Attributes::new()).unwrap();
        let draft = Draft::new(Some("job".to_owned()), MessageAttributes::new(), None).unwrap();
        for _ in 0..3 {
            sqs.send("jobs", &draft).unwrap();
        }
        let first = sqs.receive("jobs", 1, None).unwrap();
        assert_eq!(sqs.receive("jobs", 1, None).unwrap().len(), 1);
        assert_eq!(sqs.receive("jobs", 1, None).unwrap_err().kind(), Kind::OverLimit);
        let waited = sqs.receive_within("jobs", 1, None, SHORTEST_WAIT).await.unwrap();
        assert!(waited.is_empty());
        sqs.delete("jobs", &first[0].receipt_handle).unwrap();
        assert_eq!(sqs.receive("jobs", 1, None).unwrap().len(), 1);
    }
}
