//! The SQS queues.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{ChangeMessageVisibilityBatchRequestEntry as HideEntry, QueueAttributeName},
};
use domain::{Error, Message, Queue, Result};

/// The URLs of the queues.
#[derive(Debug, Clone)]
pub struct QueueUrls([String; Queue::ALL.len()]);

impl QueueUrls {
    /// Returns the URLs that `url` returns for the queues.
    ///
    /// # Errors
    /// The first error of `url`.
    pub fn read<E>(mut url: impl FnMut(Queue) -> std::result::Result<String, E>) -> std::result::Result<Self, E> {
        let mut urls = Self([const { String::new() }; Queue::ALL.len()]);
        for (place, queue) in urls.0.iter_mut().zip(Queue::ALL) {
            *place = url(*queue)?;
        }
        Ok(urls)
    }

    fn of(&self, queue: Queue) -> &str {
        &self.0[queue as usize]
    }
}

/// The longest visibility timeout that SQS allows.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>
const LONGEST_VISIBILITY: Duration = Duration::from_hours(12);

/// The longest delay that SQS allows.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// Suffix of the name of a dead-letter queue.
const DEAD_LETTERS: &str = "-dlq";

/// Approximate numbers of messages in a queue, as SQS counts them.
#[derive(Debug, Clone)]
pub struct QueueDepth {
    /// Name of the queue.
    pub name: &'static str,
    /// Messages waiting to be delivered.
    pub waiting: u64,
    /// Messages being processed.
    pub in_flight: u64,
    /// Messages in the dead-letter queue.
    pub dead_letters: u64,
}

/// The queues that this code sends to.
#[derive(Debug, Clone)]
pub struct Queues {
    sqs: Client,
    urls: Arc<QueueUrls>,
}

impl Queues {
    /// Creates a client of the queues, reached with `config`.
    pub fn new(config: &aws_types::SdkConfig, urls: QueueUrls) -> Self {
        Self {
            sqs: Client::new(config),
            urls: Arc::new(urls),
        }
    }

    /// Sends a message to its queue. It may be delivered more than once, so processing it twice must be harmless.
    pub async fn send<M: Message>(&self, message: &M) -> Result<()> {
        self.send_later(message, Duration::ZERO).await
    }

    /// Sends a message that is delivered after a delay, in whole seconds and at most 15 minutes.
    pub async fn send_later<M: Message>(&self, message: &M, delay: Duration) -> Result<()> {
        let body = serde_json::to_string(message).map_err(Error::internal)?;
        let delay = delay.min(LONGEST_DELAY);
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        let delay = i32::try_from(seconds).map_err(Error::internal)?;
        let send = self
            .sqs
            .send_message()
            .queue_url(self.urls.of(M::QUEUE))
            .set_delay_seconds((delay > 0).then_some(delay))
            .set_message_group_id(message.group().map(str::to_owned))
            .message_body(body);
        send.send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Hides up to ten received messages for `timeout` from now, in whole seconds.
    ///
    /// # Errors
    /// If one of them could not be hidden; the others are.
    pub async fn hide(&self, queue: Queue, receipt_handles: &[String], timeout: Duration) -> Result<()> {
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        let seconds = seconds.min(LONGEST_VISIBILITY.as_secs());
        let entry = |(index, handle): (usize, &String)| {
            let entry = HideEntry::builder().id(index.to_string()).receipt_handle(handle);
            entry
                .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
                .build()
                .map_err(Error::internal)
        };
        let entries = receipt_handles.iter().enumerate().map(entry).collect::<Result<_>>()?;
        let change = self
            .sqs
            .change_message_visibility_batch()
            .queue_url(self.urls.of(queue))
            .set_entries(Some(entries));
        let answer = change.send().await.map_err(Error::unavailable)?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => Err(Error::unavailable(format!(
                "{} of {} messages were not hidden: {}",
                answer.failed.len(),
                receipt_handles.len(),
                failed.message().unwrap_or(&failed.code)
            ))),
        }
    }

    /// Returns the approximate depth of every queue and its dead-letter queue; queues that do not respond are left out.
    pub async fn depths(&self) -> Vec<QueueDepth> {
        let mut depths = Vec::new();
        for queue in Queue::ALL {
            let url = self.urls.of(*queue);
            let dead_letters = format!("{url}{DEAD_LETTERS}");
            let (waiting, dead) = tokio::join!(self.depth(url), self.depth(&dead_letters));
            if let Some(((waiting, in_flight), (dead_letters, _))) = waiting.zip(dead) {
                depths.push(QueueDepth {
                    name: queue.name(),
                    waiting,
                    in_flight,
                    dead_letters,
                });
            }
        }
        depths
    }

    /// Returns the numbers of waiting messages and of messages being processed.
    async fn depth(&self, url: &str) -> Option<(u64, u64)> {
        let ask = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
        let attributes = ask.send().await.ok()?.attributes?;
        let count = |name| attributes.get(&name)?.parse().ok();
        Some((
            count(QueueAttributeName::ApproximateNumberOfMessages)?,
            count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)?,
        ))
    }

    /// Returns whether a queue responds.
    pub async fn is_reachable(&self, queue: Queue) -> bool {
        let ask = self.sqs.get_queue_attributes().queue_url(self.urls.of(queue));
        ask.attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .send()
            .await
            .is_ok()
    }
}
