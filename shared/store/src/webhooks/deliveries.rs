//! Deliveries of events to webhooks.
//!
//! A delivery that waits for an attempt has a row sorted by the time at which its message counts as lost, or at which
//! its next attempt is due if that is further away than a queue can delay. `relay_outbox` moves such a row into the
//! future and sends the message.

use domain::{
    DeliveryStatus, DueDelivery, EventType, Page, PageRequest, Result, Timestamp, WebhookDelivery, WebhookDeliveryId,
    WebhookId, time::after,
};

use super::Webhooks;
use crate::{
    Store, keys,
    table::item::{
        Item, ListFilter, Transaction, from_item, n, part, primary, s, starting_with, to_item, transact, value,
    },
    tables,
};

/// Most due deliveries of one run, in each shard.
const MAX_DUE: i32 = 500;

/// Which deliveries a list contains.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter {
    /// Only those with this status.
    pub status: Option<DeliveryStatus>,
    /// Only those of events of this type.
    pub event_type: Option<EventType>,
}

/// Deliveries that are due at a time, of all organizations.
#[derive(Debug, Clone)]
pub struct DueDeliveries(Store);

impl Store {
    /// Returns access to the deliveries that are due at a time.
    pub fn due_deliveries(&self) -> DueDeliveries {
        DueDeliveries(self.clone())
    }
}

impl Webhooks {
    /// Returns a delivery that is still kept.
    pub async fn delivery(
        &self,
        webhook: &WebhookId,
        id: &WebhookDeliveryId,
        now: Timestamp,
    ) -> Result<Option<WebhookDelivery>> {
        let key = keys::webhook_delivery(&self.org, webhook, id);
        let found: Option<WebhookDelivery> = self.store.app().get(key).await?;
        Ok(found.filter(|delivery| after(delivery.created_at, WebhookDelivery::RETENTION) > now))
    }

    /// Lists the deliveries of a webhook, newest first.
    pub async fn deliveries(
        &self,
        webhook: &WebhookId,
        filter: DeliveryFilter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<WebhookDelivery>> {
        let kept = ("#ttl", tables::TTL);
        let mut narrow = ListFilter::default().and("#ttl > :now", kept, (":now", n(now.as_second())));
        if let Some(status) = filter.status {
            narrow = narrow.and(
                "#status = :status",
                ("#status", "status"),
                (":status", s(status.name())),
            );
        }
        if let Some(kind) = filter.event_type {
            narrow = narrow.and("#type = :type", ("#type", "event_type"), (":type", s(kind.name())));
        }
        let prefix = keys::webhook_deliveries(webhook);
        let pk = keys::webhooks_of(&self.org);
        let found = self.store.app().list(pk, &prefix, page, narrow).await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Returns up to `most` deliveries of a webhook that follow `after`, oldest first.
    pub async fn deliveries_after(
        &self,
        webhook: &WebhookId,
        after: Option<&WebhookDeliveryId>,
        most: i32,
    ) -> Result<Vec<WebhookDelivery>> {
        let prefix = keys::webhook_deliveries(webhook);
        let start = after.map(|id| primary(&keys::webhook_delivery(&self.org, webhook, id)));
        let query = self.store.db.query().table_name(self.store.app().name);
        let query = query.consistent_read(true).limit(most).set_exclusive_start_key(start);
        let query = starting_with(query, &keys::webhooks_of(&self.org), &prefix);
        let answer = query.send().await.map_err(crate::table::item::failed)?;
        answer.items.unwrap_or_default().into_iter().map(from_item).collect()
    }

    /// Replaces a delivery, as it was read. Returns `false` if it was changed meanwhile, and nothing was written.
    pub async fn change_delivery(&self, before: &WebhookDelivery, new: &WebhookDelivery) -> Result<bool> {
        let app = self.store.app();
        let condition = [(":before", n(before.rev))];
        let mut parts = vec![app.part_put_if(self.delivery_item(new)?, "rev = :before", condition)?];
        let (old_due, new_due) = (before.due(), new.due());
        if old_due != new_due {
            if let Some(due) = &old_due {
                parts.push(app.part_delete_any(&keys::due_delivery(due))?);
            }
            if let Some(due) = &new_due {
                parts.push(app.part_put(to_item(&keys::due_delivery(due), due)?)?);
            }
        }
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }

    pub(super) fn delivery_item(&self, delivery: &WebhookDelivery) -> Result<Item> {
        let key = keys::webhook_delivery(&self.org, &delivery.webhook, &delivery.id);
        let mut item = to_item(&key, delivery)?;
        let end = after(delivery.created_at, WebhookDelivery::RETENTION);
        item.insert(tables::TTL.to_owned(), n(end.as_second()));
        Ok(item)
    }
}

impl DueDeliveries {
    /// Returns what is due, a bounded number.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<DueDelivery>> {
        let mut shards = Vec::new();
        let before = keys::deliveries_before(now.as_millisecond().saturating_add(1));
        for shard in 0..keys::WEBHOOK_SHARDS {
            let query = self.0.db.query().consistent_read(true);
            let query = query
                .key_condition_expression("pk = :pk AND sk < :now")
                .expression_attribute_values(":pk", s(keys::due_deliveries(shard)))
                .expression_attribute_values(":now", s(&before));
            shards.push(self.0.app().first(query, MAX_DUE).await?.into_iter());
        }
        // In turn, so that no partition waits for another one.
        let mut due = Vec::new();
        while shards.iter().any(|shard| shard.len() > 0) {
            for item in shards.iter_mut().filter_map(Iterator::next) {
                due.push(from_item(item)?);
            }
        }
        Ok(due)
    }

    /// Moves what is due to a later time. Returns `false` if it is outdated and was removed.
    pub async fn claim(&self, due: &DueDelivery, until_ms: i64) -> Result<bool> {
        let table = self.0.app();
        let claimed = DueDelivery {
            due_ms: until_ms,
            ..due.clone()
        };
        let key = keys::webhook_delivery(&due.org_id, &due.webhook_id, &due.delivery_id);
        let update = table
            .part_update(&key)
            .update_expression("SET due_ms = :until")
            .condition_expression("due_ms = :due")
            .expression_attribute_values(":until", value(&until_ms)?)
            .expression_attribute_values(":due", n(due.due_ms));
        let parts = vec![
            part(update)?,
            table.part_delete_any(&keys::due_delivery(due))?,
            table.part_put(to_item(&keys::due_delivery(&claimed), &claimed)?)?,
        ];
        if transact(&self.0.db, parts).await? == Transaction::Done {
            return Ok(true);
        }
        // It was sent, or moved: then the row with the other time counts.
        table.delete(&keys::due_delivery(due)).await?;
        Ok(false)
    }
}
