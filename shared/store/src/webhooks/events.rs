//! Events: promised in the transaction of what they are about, then turned into one delivery for each webhook.
//!
//! A promise is a row. The stream of the table brings it to `dispatch_webhooks`; what that loses is found by
//! `relay_outbox`. One transaction replaces the promise by the event and its deliveries, if the event does not exist
//! yet, so an event that is promised or dispatched twice is delivered once.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{OrgId, Result, Timestamp, WebhookDelivery, WebhookEvent, WebhookEventId, time::after};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue as Image;

use super::Webhooks;
use crate::{
    Changed, Store, keys,
    table::item::{Transaction, from_item, n, to_item, transact},
    tables,
};

/// An event that is promised to webhooks.
#[derive(Debug, Serialize, Deserialize)]
pub struct PromisedEvent {
    /// The event.
    pub event: WebhookEvent,
    created_ms: i64,
}

/// The organization and the event of a promise.
#[derive(Deserialize)]
struct Named {
    event: NamedEvent,
}

#[derive(Deserialize)]
struct NamedEvent {
    id: WebhookEventId,
    org: OrgId,
}

impl Store {
    /// Returns the promise of an event, if there is one, as a part of the transaction that it is about. Promising an
    /// event twice is harmless.
    pub(crate) fn part_promise_event(&self, event: Option<&WebhookEvent>) -> Result<Option<TransactWriteItem>> {
        event.map(|event| self.app().part_put(promise(event)?)).transpose()
    }

    /// Promises an event without a change of data.
    pub async fn promise_event(&self, event: &WebhookEvent) -> Result<()> {
        self.app().put(promise(event)?).await
    }

    /// Returns promises created before `before_ms` (milliseconds since the Unix epoch), a bounded number.
    pub async fn promised_events(&self, before_ms: i64) -> Result<Vec<PromisedEvent>> {
        let mut promised = Vec::new();
        for shard in 0..keys::WEBHOOK_SHARDS {
            let found = self
                .app()
                .created_before(&keys::promised_events(shard), before_ms)
                .await?;
            for item in found {
                promised.push(from_item(item)?);
            }
        }
        Ok(promised)
    }
}

fn promise(event: &WebhookEvent) -> Result<crate::table::item::Item> {
    let promise = PromisedEvent {
        event: event.clone(),
        created_ms: event.at.as_millisecond(),
    };
    to_item(&keys::promised_event(&event.id), &promise)
}

impl PromisedEvent {
    /// Returns the organization and the ID of the event that a change of the table promises; `None` if it does
    /// something else.
    pub fn of(changed: &Changed) -> Option<(OrgId, WebhookEventId)> {
        let pk = changed.new.get("pk")?;
        if !matches!(pk, Image::S(pk) if pk.starts_with(keys::PROMISED_EVENTS)) {
            return None;
        }
        let named: Named = serde_dynamo::from_item(changed.new.clone()).ok()?;
        Some((named.event.org, named.event.id))
    }
}

impl Webhooks {
    /// Returns the event of a promise that was not dispatched yet.
    pub async fn promised(&self, id: &WebhookEventId) -> Result<Option<WebhookEvent>> {
        let promised: Option<PromisedEvent> = self.store.app().get(keys::promised_event(id)).await?;
        let event = promised.map(|promised| promised.event);
        // The message names the organization, and only its own event is read.
        Ok(event.filter(|event| event.org == self.org))
    }

    /// Removes a promise that nobody wants any more.
    pub async fn forget_promise(&self, id: &WebhookEventId) -> Result<()> {
        self.store.app().delete(&keys::promised_event(id)).await
    }

    /// Stores an event with its deliveries instead of its promise. Returns `false` if that was done before, and only
    /// removes the promise then.
    pub async fn dispatch(&self, event: &WebhookEvent, deliveries: &[WebhookDelivery], now: Timestamp) -> Result<bool> {
        let app = self.store.app();
        let ttl = n(after(now, WebhookDelivery::RETENTION).as_second());
        let mut item = to_item(&keys::webhook_event(&self.org, &event.id), event)?;
        item.insert(tables::TTL.to_owned(), ttl);
        let mut parts = vec![
            app.part_put_new(item)?,
            app.part_delete_any(&keys::promised_event(&event.id))?,
        ];
        for delivery in deliveries {
            parts.push(app.part_put(self.delivery_item(delivery)?)?);
            if let Some(due) = delivery.due() {
                parts.push(app.part_put(to_item(&keys::due_delivery(&due), &due)?)?);
            }
        }
        if transact(&self.store.db, parts).await? == Transaction::Done {
            return Ok(true);
        }
        self.forget_promise(&event.id).await?;
        Ok(false)
    }

    /// Returns an event that was dispatched.
    pub async fn event(&self, id: &WebhookEventId) -> Result<Option<WebhookEvent>> {
        self.store.app().get(keys::webhook_event(&self.org, id)).await
    }
}
