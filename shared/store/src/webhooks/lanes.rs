//! Lanes: how many deliveries of a webhook run at the same time.
//!
//! A running delivery holds a place in the lane of its webhook, which expires by itself. Whoever finds no place lets the
//! delivery wait in a row, and whoever leaves takes the next one from there: a slow receiver occupies few workers,
//! however many events wait for it. While deliveries fail, there is one place.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{Result, Timestamp, Webhook, WebhookDelivery, WebhookDeliveryId, WebhookId, time::after};
use serde::{Deserialize, Serialize};

use super::Webhooks;
use crate::{
    keys,
    table::item::{Conditional, Item, failed, from_item, n, send_update, starting_with, to_item},
    tables,
};

/// The lane of a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Lane {
    /// Running deliveries, and when their places expire (milliseconds since the Unix epoch).
    #[serde(default)]
    places: BTreeMap<String, i64>,
    /// Since when deliveries fail (milliseconds since the Unix epoch).
    #[serde(default)]
    pub failing_since_ms: Option<i64>,
    /// When one failed last (milliseconds since the Unix epoch).
    #[serde(default)]
    pub failed_at_ms: Option<i64>,
    /// Whether deliveries may be waiting.
    #[serde(default)]
    waits: bool,
}

/// The outcome of entering a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// The delivery has a place.
    Yes(Lane),
    /// All places are taken.
    Full,
    /// Another worker runs this delivery until this time (milliseconds since the Unix epoch) at most.
    Running(i64),
}

/// What a delivery has shown about its webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The receiver accepted it.
    Works,
    /// It failed; deliveries have failed since this time (milliseconds since the Unix epoch).
    FailsSince(i64),
    /// Nothing.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Waiting {
    delivery: WebhookDeliveryId,
    rev: u32,
}

impl Lane {
    /// Returns since when deliveries fail, if one fails `now` (milliseconds since the Unix epoch). After a long time
    /// without a failure another outage begins.
    pub fn failing_since(&self, now: Timestamp) -> i64 {
        let now = now.as_millisecond();
        let gap = i64::try_from(Webhook::SAME_OUTAGE.as_millis()).unwrap_or(i64::MAX);
        let is_same = self.failed_at_ms.is_some_and(|at| now - at <= gap);
        self.failing_since_ms.filter(|_| is_same).unwrap_or(now)
    }

    /// Returns the number of free places.
    fn free(&self) -> u32 {
        let most = if self.failing_since_ms.is_some() {
            Webhook::MAX_CONCURRENT_FAILING
        } else {
            Webhook::MAX_CONCURRENT
        };
        most.saturating_sub(u32::try_from(self.places.len()).unwrap_or(u32::MAX))
    }
}

impl Webhooks {
    /// Returns the lane of a webhook.
    pub async fn lane(&self, webhook: &WebhookId) -> Result<Lane> {
        let found = self.store.app().get(keys::webhook_lane(&self.org, webhook)).await?;
        Ok(found.unwrap_or_default())
    }

    /// Takes a place for a delivery until `until_ms`.
    pub async fn enter_lane(&self, delivery: &WebhookDelivery, now: Timestamp, until_ms: i64) -> Result<Entered> {
        let key = keys::webhook_lane(&self.org, &delivery.webhook);
        let app = self.store.app();
        loop {
            let enter = app
                .update(&key)
                .update_expression("SET places.#delivery = :until")
                .condition_expression(
                    "attribute_not_exists(places.#delivery) AND (size(places) < :few OR (size(places) < :many AND \
                     attribute_not_exists(failing_since_ms)))",
                )
                .expression_attribute_names("#delivery", delivery.id.as_str())
                .expression_attribute_values(":until", n(until_ms))
                .expression_attribute_values(":few", n(Webhook::MAX_CONCURRENT_FAILING))
                .expression_attribute_values(":many", n(Webhook::MAX_CONCURRENT))
                .return_values(ReturnValue::AllNew);
            let found = match send_update(enter).await.map_err(failed)? {
                Conditional::Held(item) => return Ok(Entered::Yes(from_item(item)?)),
                Conditional::Failed { item: None, .. } => {
                    let places = AttributeValue::M(Item::new());
                    let create = app
                        .update(&key)
                        .update_expression("SET places = if_not_exists(places, :none)")
                        .expression_attribute_values(":none", places);
                    send_update(create).await.map_err(failed)?;
                    continue;
                }
                Conditional::Failed {
                    item: Some(item),
                    in_doubt,
                } => {
                    let lane: Lane = from_item(item)?;
                    // The response to an earlier attempt of this call was lost.
                    if in_doubt && lane.places.get(delivery.id.as_str()) == Some(&until_ms) {
                        return Ok(Entered::Yes(lane));
                    }
                    lane
                }
            };
            let now = now.as_millisecond();
            let Some((expired, end)) = found.places.iter().find(|(_, end)| **end <= now) else {
                return Ok(match found.places.get(delivery.id.as_str()) {
                    Some(end) => Entered::Running(*end),
                    None => Entered::Full,
                });
            };
            self.vacate(&delivery.webhook, expired, *end).await?;
        }
    }

    /// Removes the place of a worker that did not leave.
    async fn vacate(&self, webhook: &WebhookId, delivery: &str, end: i64) -> Result<()> {
        let update = self
            .store
            .app()
            .update(&keys::webhook_lane(&self.org, webhook))
            .update_expression("REMOVE places.#delivery")
            .condition_expression("places.#delivery = :end")
            .expression_attribute_names("#delivery", delivery)
            .expression_attribute_values(":end", n(end));
        // Otherwise another worker was first.
        send_update(update).await.map_err(failed).map(|_| ())
    }

    /// Leaves the lane, with what the delivery has shown. Returns how many waiting deliveries can enter now.
    pub async fn leave_lane(&self, delivery: &WebhookDelivery, health: Health, now: Timestamp) -> Result<u32> {
        let update = self
            .store
            .app()
            .update(&keys::webhook_lane(&self.org, &delivery.webhook))
            .condition_expression("attribute_exists(places)")
            .expression_attribute_names("#delivery", delivery.id.as_str())
            .return_values(ReturnValue::AllNew);
        let update = match health {
            Health::Works => update.update_expression("REMOVE places.#delivery, failing_since_ms, failed_at_ms"),
            Health::FailsSince(since) => update
                .update_expression("SET failing_since_ms = :since, failed_at_ms = :now REMOVE places.#delivery")
                .expression_attribute_values(":since", n(since))
                .expression_attribute_values(":now", n(now.as_millisecond())),
            Health::Unknown => update.update_expression("REMOVE places.#delivery"),
        };
        Ok(match send_update(update).await.map_err(failed)? {
            Conditional::Held(item) => {
                let lane: Lane = from_item(item)?;
                if lane.waits { lane.free() } else { 0 }
            }
            // The webhook was deleted.
            Conditional::Failed { .. } => 0,
        })
    }

    /// Lets a delivery wait for a place. Returns how many waiting deliveries can enter now: others may have left
    /// meanwhile.
    pub async fn wait_for_lane(&self, delivery: &WebhookDelivery, now: Timestamp) -> Result<u32> {
        let app = self.store.app();
        let waiting = Waiting {
            delivery: delivery.id.clone(),
            rev: delivery.rev,
        };
        let mut item = to_item(
            &keys::waiting_delivery(&self.org, &delivery.webhook, &delivery.id),
            &waiting,
        )?;
        let end = after(now, WebhookDelivery::RETENTION);
        item.insert(tables::TTL.to_owned(), n(end.as_second()));
        app.put(item).await?;
        let update = app
            .update(&keys::webhook_lane(&self.org, &delivery.webhook))
            .update_expression("SET waits = :true")
            .condition_expression("attribute_exists(places)")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .return_values(ReturnValue::AllNew);
        Ok(match send_update(update).await.map_err(failed)? {
            Conditional::Held(item) => from_item::<Lane>(item)?.free(),
            Conditional::Failed { .. } => 0,
        })
    }

    /// Takes up to `most` deliveries that wait for a place, with their numbers of changes. Each is taken once, unless a
    /// response is lost.
    pub async fn take_waiting(&self, webhook: &WebhookId, most: u32) -> Result<Vec<(WebhookDeliveryId, u32)>> {
        let app = self.store.app();
        let query = self.store.db.query().table_name(app.name).consistent_read(true);
        let query = starting_with(query, &keys::webhooks_of(&self.org), &keys::waiting_deliveries(webhook));
        // One more shows whether others wait.
        let query = query.limit(i32::try_from(most).unwrap_or(i32::MAX).saturating_add(1));
        let found = query.send().await.map_err(failed)?.items.unwrap_or_default();
        if found.is_empty() {
            let update = app
                .update(&keys::webhook_lane(&self.org, webhook))
                .update_expression("REMOVE waits");
            send_update(update).await.map_err(failed)?;
        }
        let mut taken = Vec::new();
        for item in found.into_iter().take(most as usize) {
            let waiting: Waiting = from_item(item)?;
            let key = keys::waiting_delivery(&self.org, webhook, &waiting.delivery);
            if app.delete_first(&key).await? {
                taken.push((waiting.delivery, waiting.rev));
            }
        }
        Ok(taken)
    }

    /// Forgets since when deliveries fail: the receiver is another one, or was repaired.
    pub async fn forgive_lane(&self, webhook: &WebhookId) -> Result<()> {
        let update = self
            .store
            .app()
            .update(&keys::webhook_lane(&self.org, webhook))
            .update_expression("REMOVE failing_since_ms, failed_at_ms")
            .condition_expression("attribute_exists(places)");
        // Without a lane nothing has failed yet.
        send_update(update).await.map_err(failed).map(|_| ())
    }

    /// Removes what leads to a deleted webhook's lane.
    pub async fn forget_lane(&self, webhook: &WebhookId) -> Result<()> {
        self.store.app().delete(&keys::webhook_lane(&self.org, webhook)).await
    }
}
