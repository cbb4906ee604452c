//! Endpoints of an organization that receive its events.

use std::{collections::BTreeSet, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::EventType;
use crate::{EncryptedSecret, OrgId, Timestamp, UserId, WebhookId};

/// A webhook: where events are sent, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its ID.
    pub id: WebhookId,
    /// The organization.
    pub org: OrgId,
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The types that are sent; all if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<BTreeSet<EventType>>,
    /// Whether texts of conversations are sent too.
    #[serde(default)]
    pub include_content: bool,
    /// Whether events are sent.
    pub status: WebhookStatus,
    /// Why the system disabled it; `None` if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
    /// The secret that signs.
    pub secret: EncryptedSecret,
    /// The secret before the last rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// Who created it.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whether events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// Events are sent.
    Enabled,
    /// Nothing is sent.
    Disabled,
}

/// Why the system disabled a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// All deliveries of five days failed.
    Failing,
    /// The receiver answered 410 Gone.
    Gone,
}

/// A secret that signs beside its successor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: EncryptedSecret,
    /// Until when it signs.
    pub until: Timestamp,
}

impl Webhook {
    /// Maximum length of the description, in characters.
    pub const MAX_DESCRIPTION: usize = 500;
    /// Maximum length of the URL, in bytes.
    pub const MAX_URL: usize = 2_000;
    /// Maximum number in an organization, whatever its limits: all receive an event in one transaction.
    pub const MAX_PER_ORG: u32 = 40;
    /// How long the old secret signs beside the new one.
    pub const ROTATION_OVERLAP: Duration = Duration::from_hours(24);
    /// Deliveries at the same time.
    pub const MAX_CONCURRENT: u32 = 4;
    /// The same, while the last delivery failed.
    pub const MAX_CONCURRENT_FAILING: u32 = 1;
    /// A webhook whose deliveries fail for this long is disabled.
    pub const FAILS_FOR: Duration = Duration::from_hours(5 * 24);
    /// Failures that are further apart belong to different outages: longer than any pause between attempts.
    pub const SAME_OUTAGE: Duration = Duration::from_hours(36);

    /// Returns whether it receives events.
    pub fn is_enabled(&self) -> bool {
        self.status == WebhookStatus::Enabled
    }

    /// Returns whether it subscribes to this type.
    pub fn subscribes_to(&self, kind: EventType) -> bool {
        kind.is_subscribable() && self.events.as_ref().is_none_or(|events| events.contains(&kind))
    }

    /// Returns the types that the enabled ones among `webhooks` subscribe to.
    pub fn wanted_by<'a>(webhooks: impl Iterator<Item = &'a Self>) -> BTreeSet<EventType> {
        let mut wanted = BTreeSet::new();
        for webhook in webhooks.filter(|webhook| webhook.is_enabled()) {
            let kinds = EventType::ALL.iter().copied();
            wanted.extend(kinds.filter(|kind| webhook.subscribes_to(*kind)));
        }
        wanted
    }
}
