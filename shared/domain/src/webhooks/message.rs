//! Messages of the queue `deliver_webhooks`, and the rows that repeat them.

use serde::{Deserialize, Serialize};

use crate::{OrgId, Timestamp, WebhookDeliveryId, WebhookEventId, WebhookId};

/// The body of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeliverWebhooksMessage {
    /// An event was promised: create its deliveries.
    Dispatch {
        /// The organization.
        org_id: OrgId,
        /// The event.
        event_id: WebhookEventId,
    },
    /// Make an attempt of a delivery.
    Deliver {
        /// The organization.
        org_id: OrgId,
        /// The webhook.
        webhook_id: WebhookId,
        /// The delivery.
        delivery_id: WebhookDeliveryId,
        /// Number of changes of the delivery when it was sent. With another number it is outdated.
        rev: u32,
    },
    /// Replay the deliveries of a webhook, some of them for each message.
    Replay {
        /// The organization.
        org_id: OrgId,
        /// The webhook.
        webhook_id: WebhookId,
        /// ID of the replay: it tries each delivery once.
        replay_id: String,
        /// Earlier deliveries are left out.
        since: Timestamp,
        /// Deliveries created later are left out.
        until: Timestamp,
        /// Whether only failed and canceled ones are replayed.
        only_failed: bool,
        /// The last delivery that was looked at; `None` at the beginning.
        after: Option<WebhookDeliveryId>,
    },
}

impl DeliverWebhooksMessage {
    /// Returns the organization.
    pub const fn org(&self) -> &OrgId {
        match self {
            Self::Dispatch { org_id, .. } | Self::Deliver { org_id, .. } | Self::Replay { org_id, .. } => org_id,
        }
    }
}

/// A row that repeats the message of a delivery at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueDelivery {
    /// The organization.
    pub org_id: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The delivery.
    pub delivery_id: WebhookDeliveryId,
    /// When it is due, milliseconds since the Unix epoch.
    pub due_ms: i64,
}
