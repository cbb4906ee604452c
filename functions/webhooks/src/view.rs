//! Webhooks and their deliveries as clients see them.

use std::collections::BTreeSet;

use app::{DeliveryFound, WebhookFound, WebhookWithSecret};
use domain::{
    Attempt, DeliveryStatus, DisabledReason, EventType, OrgId, Timestamp, Webhook, WebhookDelivery, WebhookStatus,
    webhooks::event::DataVisitor,
};
use http_api::Api;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// A webhook, without its secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WebhookView {
    id: String,
    /// Where events are sent.
    url: String,
    /// What it is for.
    description: Option<String>,
    /// The types of events that are sent; null for all.
    events: Option<BTreeSet<EventType>>,
    /// Whether texts of conversations are sent too.
    include_content: bool,
    status: WebhookStatus,
    /// Why the system disabled it; null if it did not.
    disabled_reason: Option<DisabledReason>,
    /// Since when deliveries fail; null if the last one succeeded.
    failing_since: Option<Timestamp>,
    /// Until when the previous secret signs too.
    previous_valid_until: Option<Timestamp>,
    /// ID of the user that created it.
    created_by: String,
    org_id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A webhook with its secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NewWebhookView {
    #[serde(flatten)]
    view: WebhookView,
    /// Signs the requests. It cannot be retrieved again.
    secret: String,
}

/// A type of event.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EventTypeView {
    #[serde(rename = "type")]
    kind: EventType,
    /// When it is sent.
    description: &'static str,
    /// Whether a webhook can subscribe to it.
    subscribable: bool,
}

/// A delivery of an event to a webhook.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DeliveryView {
    id: String,
    webhook_id: String,
    /// ID of the event, which the receiver gets as `webhook-id`.
    event_id: String,
    event_type: EventType,
    status: DeliveryStatus,
    /// Number of attempts.
    attempt_count: u32,
    /// The last attempt; null before the first one.
    last_attempt: Option<Attempt>,
    /// When it is tried next; null if it is not.
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
}

/// A delivery with its attempts and the body of its requests.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DeliveryDetails {
    #[serde(flatten)]
    view: DeliveryView,
    /// The last 20 attempts, oldest first.
    attempts: Vec<Attempt>,
    /// The body of its requests, as an object. Texts of conversations are not kept.
    payload: EventPayload,
}

/// The body of a request.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct EventPayload(#[schemars(with = "PayloadSchema")] Value);

/// The body of a request.
#[derive(JsonSchema)]
#[schemars(rename = "EventPayload")]
#[expect(dead_code, reason = "it describes a JSON value")]
struct PayloadSchema {
    /// Type of the event.
    #[schemars(rename = "type")]
    kind: EventType,
    /// When it happened.
    timestamp: Timestamp,
    /// ID of the organization.
    org_id: OrgId,
    /// What happened.
    data: serde_json::Map<String, Value>,
}

impl WebhookView {
    pub(crate) fn of(found: WebhookFound, now: Timestamp) -> Self {
        let WebhookFound {
            webhook,
            failing_since_ms,
        } = found;
        Self {
            failing_since: failing_since_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            ..Self::alone(webhook, now)
        }
    }

    fn alone(webhook: Webhook, now: Timestamp) -> Self {
        Self {
            id: webhook.id.0,
            url: webhook.url,
            description: webhook.description,
            events: webhook.events,
            include_content: webhook.include_content,
            status: webhook.status,
            disabled_reason: webhook.disabled_reason,
            failing_since: None,
            previous_valid_until: webhook.previous.map(|it| it.until).filter(|until| *until > now),
            created_by: webhook.created_by.0,
            org_id: webhook.org.0,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

impl NewWebhookView {
    pub(crate) fn of(made: WebhookWithSecret, now: Timestamp) -> Self {
        Self {
            secret: made.secret.expose().to_owned(),
            view: WebhookView::alone(made.webhook, now),
        }
    }
}

impl EventTypeView {
    pub(crate) fn of(kind: EventType) -> Self {
        Self {
            kind,
            description: kind.description(),
            subscribable: kind.is_subscribable(),
        }
    }
}

impl DeliveryView {
    pub(crate) fn of(delivery: WebhookDelivery) -> Self {
        Self {
            id: delivery.id.0,
            webhook_id: delivery.webhook.0,
            event_id: delivery.event.0,
            event_type: delivery.event_type,
            status: delivery.status,
            attempt_count: delivery.attempt_count,
            last_attempt: delivery.attempts.into_iter().next_back(),
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
        }
    }
}

impl DeliveryDetails {
    pub(crate) fn of(found: DeliveryFound) -> Self {
        let payload = serde_json::from_str(&found.body).unwrap_or_default();
        Self {
            attempts: found.delivery.attempts.clone(),
            view: DeliveryView::of(found.delivery),
            payload: EventPayload(payload),
        }
    }
}

/// Describes a type of event in the `OpenAPI` document.
pub(crate) fn document(api: Api, kind: EventType) -> Api {
    struct Describe(Api, EventType);

    impl DataVisitor for Describe {
        type Output = Api;

        fn visit<T: JsonSchema + Serialize>(self) -> Api {
            let Self(api, kind) = self;
            let mut example = serde_json::to_value(kind.example()).unwrap_or_default();
            example["timestamp"] = json!("2026-11-30T09:30:00.000Z");
            example["org_id"] = json!("0193a5d0-7c1e-7d3a-9f52-000000000003");
            api.event::<T>(kind.name(), kind.description(), example)
        }
    }

    kind.with_data(Describe(api, kind))
}
