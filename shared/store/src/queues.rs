//! The queues.

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use model::{Error, Result, outbox::IndexMessage};

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

/// Queues this code sends to, by URL.
#[derive(Debug, Clone)]
pub struct Queues {
    sqs: Client,
    index_documents: std::sync::Arc<str>,
}

impl Queues {
    /// The queues reached with `config`.
    pub fn new(config: &aws_types::SdkConfig, index_documents: &str) -> Self {
        Self {
            sqs: Client::new(config),
            index_documents: index_documents.into(),
        }
    }

    /// Asks for a document to be indexed. Sending twice is harmless.
    pub async fn index_document(&self, message: &IndexMessage) -> Result<()> {
        let body = serde_json::to_string(message).map_err(Error::internal)?;
        let send = self
            .sqs
            .send_message()
            .queue_url(&*self.index_documents)
            .message_body(body);
        send.send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// What every queue and its dead-letter queue hold, about; those that do not answer are left out.
    pub async fn depths(&self) -> Vec<QueueDepth> {
        let mut depths = Vec::new();
        for (name, url) in [("index_documents", &*self.index_documents)] {
            let dead_letters = format!("{url}{DEAD_LETTERS}");
            let (waiting, dead) = tokio::join!(self.depth(url), self.depth(&dead_letters));
            if let Some(((waiting, in_flight), (dead_letters, _))) = waiting.zip(dead) {
                depths.push(QueueDepth {
                    name,
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

    /// Whether the indexing queue answers.
    pub async fn is_reachable(&self) -> bool {
        let ask = self.sqs.get_queue_attributes().queue_url(&*self.index_documents);
        ask.attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .send()
            .await
            .is_ok()
    }
}
