//! The queues.

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use model::{Error, Result, outbox::IndexMessage};

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

    /// Whether the indexing queue answers.
    pub async fn is_reachable(&self) -> bool {
        let ask = self.sqs.get_queue_attributes().queue_url(&*self.index_documents);
        ask.attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .send()
            .await
            .is_ok()
    }
}
