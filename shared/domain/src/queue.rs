//! The queues, and which messages they carry.

use serde::Serialize;

use crate::{
    BillingMessage, DeliverWebhooksMessage, ExportMessage, FetchMessage, ImportDataSourceMessage, MailMessage, Purge,
    SlackMessage,
    documents::{embedding::EmbedPassagesMessage, outbox::IndexMessage},
};

/// A queue, declared here and nowhere else: its name, the environment variable with its URL, and its part in the local
/// stack and in `/ready` follow. `template.yaml` deploys it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Queue {
    /// Documents to index.
    IndexDocuments,
    /// Emails to send.
    SendMail,
    /// Deleted resources whose data is to be removed.
    Purge,
    /// Exports to create.
    ExportUser,
    /// Uploaded tables to make data sources of.
    ImportDataSource,
    /// Passages to embed.
    EmbedPassages,
    /// Pages of the web to fetch: steps of crawls, and documents to refresh.
    FetchPages,
    /// Events to deliver to webhooks.
    DeliverWebhooks,
    /// Events of the payment provider, and changes that it has to know.
    ApplyStripeEvents,
    /// Events of Slack: messages to answer, ratings, installations that end.
    AnswerSlack,
}

impl Queue {
    /// All queues.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the queue's name, which is also that of the function that consumes it.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the name of the environment variable that contains its URL, as in `QUEUE_SEND_MAIL`.
    pub fn variable(self) -> String {
        format!("QUEUE_{}", self.name().to_ascii_uppercase())
    }
}

/// The body of a message. It may be delivered more than once, so processing it twice must be harmless.
pub trait Message: Serialize + Sync {
    /// The queue that carries it.
    const QUEUE: Queue;

    /// Returns the tenant that it belongs to: a fair queue prefers the messages of others while one tenant occupies
    /// the worker. `None`: it counts as a tenant of its own.
    fn group(&self) -> Option<&str> {
        None
    }
}

impl Message for IndexMessage {
    const QUEUE: Queue = Queue::IndexDocuments;
}

impl Message for MailMessage {
    const QUEUE: Queue = Queue::SendMail;
}

impl Message for Purge {
    const QUEUE: Queue = Queue::Purge;
}

impl Message for ExportMessage {
    const QUEUE: Queue = Queue::ExportUser;
}

impl Message for BillingMessage {
    const QUEUE: Queue = Queue::ApplyStripeEvents;
}

impl Message for SlackMessage {
    const QUEUE: Queue = Queue::AnswerSlack;
}

impl Message for EmbedPassagesMessage {
    const QUEUE: Queue = Queue::EmbedPassages;
}

impl Message for ImportDataSourceMessage {
    const QUEUE: Queue = Queue::ImportDataSource;
}

impl Message for FetchMessage {
    const QUEUE: Queue = Queue::FetchPages;
}

impl Message for DeliverWebhooksMessage {
    const QUEUE: Queue = Queue::DeliverWebhooks;

    fn group(&self) -> Option<&str> {
        Some(self.org().as_str())
    }
}
