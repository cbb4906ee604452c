//! Request bodies and parameters.

use std::collections::BTreeSet;

use app::{NewWebhook, WebhookChange};
use domain::{Error, EventType, Result, Timestamp, Webhook, WebhookId, WebhookStatus};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// A new webhook.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewWebhookInput {
    /// Where events are sent: an https address on the public internet.
    #[garde(length(bytes, min = 1, max = Webhook::MAX_URL))]
    url: String,
    /// What it is for.
    #[garde(length(chars, max = Webhook::MAX_DESCRIPTION))]
    description: Option<String>,
    /// The types of events that are sent; all, also those of the future, if omitted.
    #[garde(length(min = 1))]
    events: Option<BTreeSet<EventType>>,
    /// Whether texts of conversations are sent with `message.created` and `message.feedback`; false if omitted.
    #[garde(skip)]
    include_content: Option<bool>,
}

/// A change of a webhook.
#[derive(Deserialize, Validate, JsonSchema)]
#[expect(clippy::option_option, reason = "null removes a value, absence leaves it unchanged")]
pub(crate) struct WebhookPatch {
    /// Where events are sent.
    #[garde(length(bytes, min = 1, max = Webhook::MAX_URL))]
    url: Option<String>,
    /// What it is for; null removes it.
    #[garde(length(chars, max = Webhook::MAX_DESCRIPTION))]
    #[serde(default, deserialize_with = "non_null")]
    description: Option<Option<String>>,
    /// The types of events that are sent; null for all.
    #[garde(inner(length(min = 1)))]
    #[serde(default, deserialize_with = "non_null")]
    events: Option<Option<BTreeSet<EventType>>>,
    /// Whether texts of conversations are sent too.
    #[garde(skip)]
    include_content: Option<bool>,
    /// Whether events are sent.
    #[garde(skip)]
    status: Option<WebhookStatus>,
}

/// Which deliveries are replayed.
#[derive(Deserialize, Serialize, Validate, JsonSchema)]
pub(crate) struct Replay {
    /// Earlier deliveries are left out; they are kept for 30 days.
    #[garde(skip)]
    pub(crate) since: Timestamp,
    /// Whether deliveries that succeeded are left out.
    #[garde(skip)]
    #[serde(default)]
    pub(crate) only_failed: bool,
}

/// The parameter `{webhook_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct WebhookPath {
    pub(crate) webhook_id: WebhookId,
}

/// Distinguishes null from absent.
fn non_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn subscribable(events: Option<BTreeSet<EventType>>) -> Result<Option<BTreeSet<EventType>>> {
    match events {
        Some(events) if events.iter().any(|kind| !kind.is_subscribable()) => Err(Error::invalid(
            "/events",
            "cannot contain webhook.test; tests are sent to the webhook that requests them",
        )),
        events => Ok(events),
    }
}

impl NewWebhookInput {
    pub(crate) fn into_new(self) -> Result<NewWebhook> {
        Ok(NewWebhook {
            url: self.url,
            description: self.description.filter(|text| !text.is_empty()),
            events: subscribable(self.events)?,
            include_content: self.include_content.unwrap_or_default(),
        })
    }
}

impl WebhookPatch {
    pub(crate) fn into_change(self) -> Result<WebhookChange> {
        Ok(WebhookChange {
            url: self.url,
            description: self.description.map(|text| text.filter(|text| !text.is_empty())),
            events: self.events.map(subscribable).transpose()?,
            include_content: self.include_content,
            status: self.status,
        })
    }
}
