//! The queues.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{ChangeMessageVisibilityBatchRequestEntry as HideEntry, QueueAttributeName},
};
use domain::{Error, Result};
use serde::Serialize;

/// A queue this code sends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Documents to index ([`domain::documents::outbox::IndexMessage`]).
    IndexDocuments,
    /// Mail to send ([`domain::MailMessage`]).
    SendMail,
    /// What was deleted and is to be removed ([`domain::Purge`]).
    Purge,
    /// Exports to make ([`domain::ExportMessage`]).
    ExportUser,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::IndexDocuments, Self::SendMail, Self::Purge, Self::ExportUser];

    /// Its name, which is that of its worker.
    pub fn name(self) -> &'static str {
        match self {
            Self::IndexDocuments => "index_documents",
            Self::SendMail => "send_mail",
            Self::Purge => "purge",
            Self::ExportUser => "export_user",
        }
    }

    /// The queue of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }
}

/// The URLs of the queues.
#[derive(Debug, Clone)]
pub struct QueueUrls {
    /// Of [`Queue::IndexDocuments`].
    pub index_documents: String,
    /// Of [`Queue::SendMail`].
    pub send_mail: String,
    /// Of [`Queue::Purge`].
    pub purge: String,
    /// Of [`Queue::ExportUser`].
    pub export_user: String,
}

impl QueueUrls {
    fn of(&self, queue: Queue) -> &str {
        match queue {
            Queue::IndexDocuments => &self.index_documents,
            Queue::SendMail => &self.send_mail,
            Queue::Purge => &self.purge,
            Queue::ExportUser => &self.export_user,
        }
    }
}

/// The longest that SQS hides a message.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>
const LONGEST_VISIBILITY: Duration = Duration::from_hours(12);

/// What follows the name of a queue in that of its dead-letter queue.
const DEAD_LETTERS: &str = "-dlq";

/// What a queue holds; SQS counts about.
#[derive(Debug, Clone)]
pub struct QueueDepth {
    /// Its name.
    pub name: &'static str,
    /// Messages that wait to be delivered.
    pub waiting: u64,
    /// Messages that are being worked on.
    pub in_flight: u64,
    /// Messages that were given up.
    pub dead_letters: u64,
}

/// Queues this code sends to.
#[derive(Debug, Clone)]
pub struct Queues {
    sqs: Client,
    urls: Arc<QueueUrls>,
}

impl Queues {
    /// The queues reached with `config`.
    pub fn new(config: &aws_types::SdkConfig, urls: QueueUrls) -> Self {
        Self {
            sqs: Client::new(config),
            urls: Arc::new(urls),
        }
    }

    /// Puts a message into a queue. It may be delivered more than once, so sending it twice must be harmless.
    pub async fn send(&self, queue: Queue, message: &impl Serialize) -> Result<()> {
        let body = serde_json::to_string(message).map_err(Error::internal)?;
        let send = self
            .sqs
            .send_message()
            .queue_url(self.urls.of(queue))
            .message_body(body);
        send.send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Hides up to ten received messages for `timeout` from now, in whole seconds.
    ///
    /// # Errors
    /// When one of them could not be hidden; the others are.
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

    /// What every queue and its dead-letter queue hold, about; those that do not answer are left out.
    pub async fn depths(&self) -> Vec<QueueDepth> {
        let mut depths = Vec::new();
        for queue in Queue::ALL {
            let url = self.urls.of(queue);
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

    /// Messages that wait, and that are being worked on.
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

    /// Whether a queue answers.
    pub async fn is_reachable(&self, queue: Queue) -> bool {
        let ask = self.sqs.get_queue_attributes().queue_url(self.urls.of(queue));
        ask.attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .send()
            .await
            .is_ok()
    }
}
