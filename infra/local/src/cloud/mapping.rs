//! The event-source mapping: what Lambda does between a queue and a function.
//!
//! Batches of up to ten messages go to the handler, two at a time. What the handler reports as done is
//! deleted; everything else reappears after the visibility timeout, until the queue's redrive policy moves it
//! to the dead-letter queue. See <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.

mod event;
pub mod stream;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::sqs::{DeadLetter, Message, Sqs, SqsError};

/// The function behind a mapping: it answers which messages of the batch failed, or that the call did.
pub type Handler = Arc<dyn Fn(SqsEvent) -> BoxFuture<'static, Result<SqsBatchResponse, String>> + Send + Sync>;

/// How many batches are with the handler at the same time.
const CONCURRENCY: usize = 2;

/// The longest call of the handler: Lambda's own limit.
const TIME_LIMIT: Duration = Duration::from_mins(15);

/// How long to wait after the queue could not be read, unless something changes before.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A running mapping. Dropping it cuts off the calls under way; [`EventSourceMapping::stop`] awaits them.
pub struct EventSourceMapping {
    source: Arc<Source>,
    pollers: JoinSet<()>,
}

/// What the pollers share.
struct Source {
    sqs: Arc<Sqs>,
    queue: String,
    batch_size: usize,
    handler: Handler,
    /// How many pollers are between looking for messages and having dealt with what they found.
    busy: watch::Sender<usize>,
    stop: CancellationToken,
}

/// What a queue still holds after [`EventSourceMapping::drain`]: only time will bring it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Failed messages, invisible until their visibility timeout ends.
    pub waiting: u64,
    /// Messages sent with a delay that has not passed.
    pub delayed: u64,
}

impl EventSourceMapping {
    /// Starts delivering the messages of `queue` to `handler`, up to `batch_size` (1 to 10) at once.
    /// Must be called inside a Tokio runtime.
    pub fn new(sqs: Arc<Sqs>, queue: &str, batch_size: usize, handler: Handler) -> Self {
        let source = Arc::new(Source {
            sqs,
            queue: queue.to_owned(),
            batch_size: batch_size.clamp(1, 10),
            handler,
            busy: watch::Sender::new(0),
            stop: CancellationToken::new(),
        });
        let mut pollers = JoinSet::new();
        for _ in 0..CONCURRENCY {
            pollers.spawn(Arc::clone(&source).poll());
        }
        Self { source, pollers }
    }

    /// The name of the queue.
    pub fn queue(&self) -> &str {
        &self.source.queue
    }

    /// Looks at the queue again: a moved clock makes messages visible without anybody sending one.
    pub fn wake(&self) {
        self.source.sqs.wake();
    }

    /// Waits until no message is visible and none is with the handler, and tells what is left for later.
    ///
    /// # Errors
    /// When the queue does not exist.
    pub async fn drain(&self) -> Result<Drained, SqsError> {
        let source = &self.source;
        let (mut changes, mut busy) = (source.sqs.changes(), source.busy.subscribe());
        loop {
            changes.mark_unchanged();
            let idle = *busy.borrow_and_update() == 0;
            let counts = source.sqs.counts(&source.queue)?;
            // A poller that took a message between the two looks has changed the number by now.
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

    /// The messages that were given up, oldest first.
    ///
    /// # Errors
    /// When the queue or its dead-letter queue does not exist.
    pub fn dlq(&self) -> Result<Vec<DeadLetter>, SqsError> {
        self.source.sqs.dead_letters(&self.source.queue)
    }

    /// Moves the messages that were given up back to the queue, and tells how many.
    ///
    /// # Errors
    /// Those of [`EventSourceMapping::dlq`].
    pub fn redrive(&self) -> Result<usize, SqsError> {
        self.source.sqs.redrive(&self.source.queue)
    }

    /// Takes no further batch and waits for those with the handler.
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
                match self.sqs.receive(&self.queue, self.batch_size, None) {
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
            Ok(response) => failures(&response, batch),
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

    /// A panic is a failed call, and so is one that does not end.
    async fn call(&self, event: SqsEvent) -> Result<SqsBatchResponse, String> {
        let call = AssertUnwindSafe(async { (self.handler)(event).await }).catch_unwind();
        match tokio::time::timeout(TIME_LIMIT, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("the handler panicked".into()),
            Err(_) => Err("the handler took longer than 15 minutes".into()),
        }
    }
}

/// The ids that the handler reports as failed. Like Lambda, an id that was not in the batch, or an empty one,
/// makes the whole batch fail.
fn failures(response: &SqsBatchResponse, batch: &[Message]) -> Result<HashSet<String>, String> {
    let mut failed = HashSet::new();
    for failure in &response.batch_item_failures {
        let id = &failure.item_identifier;
        if !batch.iter().any(|message| message.id == *id) {
            return Err(format!("the handler reports a message that it was not given: {id:?}"));
        }
        failed.insert(id.clone());
    }
    Ok(failed)
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
