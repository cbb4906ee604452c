//! Events: their types, their payloads and their IDs.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::data::{
    ApiKeyEvent, ChatbotEvent, CrawlEvent, DocumentEvent, FeedbackEvent, IntegrationErrorEvent, InvoiceEvent,
    LimitEvent, MemberEvent, MessageEvent, RoleEvent, SubscriptionEvent, TestEvent,
};
use crate::{OrgId, Timestamp, WebhookEventId};

/// Does something with the type of an event's data.
pub trait DataVisitor {
    /// What it returns.
    type Output;

    /// Does it with `T`.
    fn visit<T: JsonSchema + Serialize>(self) -> Self::Output;
}

macro_rules! events {
    ($($variant:ident($data:ty) = $text:literal, $doc:literal;)*) => {
        /// A type of event.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum EventType {
            $(#[doc = $doc] #[serde(rename = $text)] $variant,)*
        }

        impl EventType {
            /// All types.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name, such as `document.ready`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// When it is sent, as a sentence.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }

        /// What an event says: its type, and data without texts of conversations.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum EventData {
            $(#[doc = $doc] #[serde(rename = $text)] $variant($data),)*
        }

        impl EventData {
            /// Returns its type.
            pub const fn kind(&self) -> EventType {
                match self { $(Self::$variant(_) => EventType::$variant,)* }
            }
        }

        impl EventType {
            /// Calls `visitor` with the type of the data.
            pub fn with_data<V: DataVisitor>(self, visitor: V) -> V::Output {
                match self { $(Self::$variant => visitor.visit::<$data>(),)* }
            }
        }
    };
}

events! {
    DocumentReady(DocumentEvent) = "document.ready", "Sent when a document, or a new version of it, is indexed and used for answers.";
    DocumentFailed(DocumentEvent) = "document.failed", "Sent when a document, or a new version of it, cannot be indexed.";
    DocumentDeleted(DocumentEvent) = "document.deleted", "Sent when a document is deleted.";
    MessageCreated(MessageEvent) = "message.created", "Sent when an answer in a chat session is complete.";
    MessageFeedback(FeedbackEvent) = "message.feedback", "Sent when an answer is rated.";
    LimitThreshold(LimitEvent) = "limit.threshold", "Sent when 50, 80 or 100 percent of a daily token limit are used, once each.";
    SubscriptionUpdated(SubscriptionEvent) = "subscription.updated", "Sent when the plan, the status or the end of the subscription changes.";
    InvoicePaid(InvoiceEvent) = "invoice.paid", "Sent when an invoice of the subscription is paid.";
    InvoicePaymentFailed(InvoiceEvent) = "invoice.payment_failed", "Sent when a payment of the subscription fails.";
    MemberAdded(MemberEvent) = "member.added", "Sent when someone joins the organization.";
    MemberRemoved(MemberEvent) = "member.removed", "Sent when someone leaves the organization or is removed.";
    MemberRoleChanged(RoleEvent) = "member.role_changed", "Sent when the role of a member changes.";
    ApiKeyCreated(ApiKeyEvent) = "api_key.created", "Sent when an API key is created.";
    ApiKeyRevoked(ApiKeyEvent) = "api_key.revoked", "Sent when an API key is revoked or deleted.";
    ChatbotPublished(ChatbotEvent) = "chatbot.published", "Sent when a chatbot is published.";
    CrawlCompleted(CrawlEvent) = "crawl.completed", "Sent when a run of a crawl is complete, fails or is canceled.";
    IntegrationError(IntegrationErrorEvent) = "integration.error", "Sent when an integration stops working until someone changes it.";
    WebhookTest(TestEvent) = "webhook.test", "Sent on request, to one webhook.";
}

impl EventType {
    /// Returns whether a webhook can subscribe to it. Tests are sent to the webhook that requests them.
    pub fn is_subscribable(self) -> bool {
        self != Self::WebhookTest
    }
}

/// An event of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEvent {
    /// Its ID, the same however often it is promised and sent (`webhook-id`).
    pub id: WebhookEventId,
    /// The organization.
    pub org: OrgId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub data: EventData,
}

impl WebhookEvent {
    /// Returns the event that happened to `org` at `at`. `occurrence` tells it from all other events of its type in the
    /// organization: what happened to what, and which time. The ID follows from it, so that whoever repeats the work
    /// promises the same event.
    pub fn new(org: &OrgId, at: Timestamp, data: EventData, occurrence: &str) -> Self {
        let parts = [org.as_str(), data.kind().name(), occurrence];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hex::encode(&hash.finalize()[..16]);
        Self {
            id: WebhookEventId(format!("evt_{digest}")),
            org: org.clone(),
            at,
            data,
        }
    }

    /// Returns its type.
    pub const fn kind(&self) -> EventType {
        self.data.kind()
    }
}

/// Which events an organization's enabled webhooks want: what is nowhere wanted is not promised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedEvents {
    /// Number of changes of the organization's webhooks. Every change names the one it follows.
    pub version: u32,
    /// The types that some enabled webhook subscribes to.
    #[serde(default)]
    pub types: BTreeSet<EventType>,
}

impl WantedEvents {
    /// Returns whether some enabled webhook subscribes to this type.
    pub fn wants(&self, kind: EventType) -> bool {
        self.types.contains(&kind)
    }

    /// Returns whether nothing was ever stored.
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_organization_type_and_occurrence() {
        let event = |org: &str, data: fn(TestEvent) -> EventData, occurrence: &str| {
            let data = data(TestEvent {
                webhook_id: crate::WebhookId("w".to_owned()),
            });
            WebhookEvent::new(&OrgId(org.to_owned()), Timestamp::UNIX_EPOCH, data, occurrence).id
        };
        let id = event("a", EventData::WebhookTest, "1");
        assert_eq!(id, event("a", EventData::WebhookTest, "1"));
        assert_ne!(id, event("b", EventData::WebhookTest, "1"));
        assert_ne!(id, event("a", EventData::WebhookTest, "2"));
        assert!(id.as_str().len() == 36 && id.as_str().starts_with("evt_"));
    }

    #[test]
    fn an_event_is_read_as_it_is_written() {
        for kind in EventType::ALL {
            let text = serde_json::to_string(kind).unwrap_or_default();
            assert_eq!(text, format!("{:?}", kind.name()));
            assert!(kind.description().starts_with("Sent ") && kind.description().ends_with('.'));
        }
    }
}
