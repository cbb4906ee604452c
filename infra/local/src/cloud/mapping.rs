//! The event-source mapping: what Lambda does between a queue and a function.
//!
//! Batches are passed to the handler, several concurrently. What the handler reports as processed is deleted;
//! everything else reappears after its visibility timeout, until the queue's redrive policy moves it to the dead-letter
//! queue. See <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.

mod event;
mod response;
pub mod stream;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::sqs::{DeadLetter, Message, Sqs, SqsError};

/// The function behind a mapping: it receives a batch and its time limit, and returns the JSON of its response, or an
/// error if the call failed.
pub type Handler = Arc<dyn Fn(SqsEvent, Duration) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// How a mapping calls its function.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Maximum messages of a batch, 1 to 10.
    pub batch_size: usize,
    /// Maximum concurrent batches (`MaximumConcurrency`, 2 to 1,000).
    pub concurrency: usize,
    /// Whether the function may report single messages as failed (`ReportBatchItemFailures`). Otherwise its response is
    /// ignored.
    pub partial_failures: bool,
    /// The timeout of the function, after which the call is aborted.
    pub time_limit: Duration,
}

/// The longest timeout of a function. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LONGEST_TIME_LIMIT: Duration = Duration::from_mins(15);

/// How long to wait after the queue could not be read, unless something changes before.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A running mapping. Dropping it aborts running calls; [`EventSourceMapping::stop`] awaits them.
pub struct EventSourceMapping {
    source: Arc<Source>,
    pollers: JoinSet<()>,
}

/// The state that the pollers share.
struct Source {
    sqs: Arc<Sqs>,
    queue: String,
    settings: Settings,
    handler: Handler,
    /// How many pollers are looking for messages or processing them.
    busy: watch::Sender<usize>,
    stop: CancellationToken,
}

/// What remains in a queue after [`EventSourceMapping::drain`] and becomes visible later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Failed messages, invisible until their visibility timeout ends.
    pub waiting: u64,
    /// Messages sent with a delay that has not passed.
    pub delayed: u64,
}

impl EventSourceMapping {
    /// Starts delivering the messages of `queue` to `handler`. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// A sentence, if Lambda would refuse such a mapping.
    pub fn new(sqs: Arc<Sqs>, queue: &str, settings: Settings, handler: Handler) -> Result<Self, String> {
        check(&sqs, queue, settings)?;
        let source = Arc::new(Source {
            sqs,
            queue: queue.to_owned(),
            settings,
            handler,
            busy: watch::Sender::new(0),
            stop: CancellationToken::new(),
        });
        let mut pollers = JoinSet::new();
        for _ in 0..settings.concurrency {
            pollers.spawn(Arc::clone(&source).poll());
        }
        Ok(Self { source, pollers })
    }

    /// Returns the name of the queue.
    pub fn queue(&self) -> &str {
        &self.source.queue
    }

    /// Checks the queue again: moving the clock makes messages visible without a new message.
    pub fn wake(&self) {
        self.source.sqs.wake();
    }

    /// Waits until no message is visible and none is being processed, and returns what remains for later.
    ///
    /// # Errors
    /// If the queue does not exist.
    pub async fn drain(&self) -> Result<Drained, SqsError> {
        let source = &self.source;
        let (mut changes, mut busy) = (source.sqs.changes(), source.busy.subscribe());
        loop {
            changes.mark_unchanged();
            let idle = *busy.borrow_and_update() == 0;
            let counts = source.sqs.counts(&source.queue)?;
            // A poller that took a message between the two reads has changed the number by now.
            if idle && counts.visible == 0 && !busy.has_changed().unwrap_or(false) {
                return Ok(Drained {
                    waiting: counts.in_flight,
                    delayed: counts.delayed,
                });
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = busy.changed() => {}
            }
        }
    }

    /// Returns the dead letters, oldest first.
    ///
    /// # Errors
    /// If the queue or its dead-letter queue does not exist.
    pub fn dlq(&self) -> Result<Vec<DeadLetter>, SqsError> {
        self.source.sqs.dead_letters(&self.source.queue)
    }

    /// Moves the dead letters back to the queue, and returns how many.
    ///
    /// # Errors
    /// Those of [`EventSourceMapping::dlq`].
    pub fn redrive(&self) -> Result<usize, SqsError> {
        self.source.sqs.redrive(&self.source.queue)
    }

    /// Stops taking batches and waits for the running ones.
    pub async fn stop(mut self) {
        self.source.stop.cancel();
        while self.pollers.join_next().await.is_some() {}
    }
}

impl Source {
    async fn poll(self: Arc<Self>) {
        let mut changes = self.sqs.changes();
        while !self.stop.is_cancelled() {
            changes.mark_unchanged();
            let delivered = {
                let _busy = Busy::new(&self.busy);
                match self.sqs.receive(&self.queue, self.settings.batch_size, None) {
                    Ok(batch) if batch.is_empty() => Ok(false),
                    Ok(batch) => {
                        self.deliver(&batch).await;
                        Ok(true)
                    }
                    Err(error) => Err(error),
                }
            };
            let waited = match delivered {
                Ok(true) => continue,
                Ok(false) => self.sqs.changed(&self.queue, &mut changes).boxed(),
                Err(error) => {
                    tracing::warn!(queue = self.queue, %error, "the queue cannot be read");
                    let pause = tokio::time::timeout(AFTER_FAILURE, changes.changed());
                    pause.map(|_| Ok(())).boxed()
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = waited => {}
            }
        }
    }

    async fn deliver(&self, batch: &[Message]) {
        let failed = match self.call(event::new(&self.queue, batch)).await {
            Ok(_) if !self.settings.partial_failures => Ok(HashSet::new()),
            Ok(response) => response::failures(&response, batch),
            Err(reason) => Err(reason),
        };
        let failed = failed.unwrap_or_else(|reason| {
            tracing::warn!(queue = self.queue, reason, "the batch failed as a whole");
            batch.iter().map(|message| message.id.clone()).collect()
        });
        for message in batch.iter().filter(|message| !failed.contains(&message.id)) {
            if let Err(error) = self.sqs.delete(&self.queue, &message.receipt_handle) {
                tracing::warn!(queue = self.queue, %error, "a message that is done will be delivered again");
            }
        }
    }

    /// Calls the function. A panic or a timeout is a failed call.
    async fn call(&self, event: SqsEvent) -> Result<Value, String> {
        let limit = self.settings.time_limit;
        let call = AssertUnwindSafe(async { (self.handler)(event, limit).await }).catch_unwind();
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("the handler panicked".into()),
            Err(_) => Err(format!("the task timed out after {} seconds", limit.as_secs_f32())),
        }
    }
}

/// Returns an error for settings that Lambda refuses.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
fn check(sqs: &Sqs, queue: &str, settings: Settings) -> Result<(), String> {
    let attributes = sqs.attributes(queue).map_err(|error| error.to_string())?;
    let visibility = attributes
        .get("VisibilityTimeout")
        .and_then(|seconds| seconds.parse().ok());
    let visibility = visibility.map_or(Duration::ZERO, Duration::from_secs);
    if settings.time_limit > visibility {
        return Err(format!(
            "the visibility timeout of {queue}, {} s, is less than the timeout of its function, {} s",
            visibility.as_secs(),
            settings.time_limit.as_secs()
        ));
    }
    if settings.time_limit.is_zero() || settings.time_limit > LONGEST_TIME_LIMIT {
        return Err("the timeout of a function is 1 to 900 seconds".into());
    }
    if !(1..=10).contains(&settings.batch_size) {
        return Err("a batch has 1 to 10 messages".into());
    }
    if !(2..=1000).contains(&settings.concurrency) {
        return Err("the concurrency of a queue is 2 to 1000".into());
    }
    Ok(())
}

/// Counts a poller as busy while it lives.
struct Busy<'a>(&'a watch::Sender<usize>);

impl<'a> Busy<'a> {
    fn new(busy: &'a watch::Sender<usize>) -> Self {
        busy.send_modify(|count| *count += 1);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
