//! Replays: deliveries that begin anew, under the same `webhook-id`.

use domain::{
    Actor, DeliverWebhooksMessage, DeliveryStatus, Error, OrgId, Result, Timestamp, WebhookDelivery, WebhookDeliveryId,
    WebhookId, time::after,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::OptimisticRetry;

use super::log::NO_DELIVERY;
use crate::{App, audit::audit_event::AuditEvent};

/// Deliveries that one message replays at most.
const PORTION: i32 = 50;

impl App {
    /// Tries a finished delivery anew.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `webhook_disabled`, and `delivery_pending` for one that is not
    /// finished.
    pub fn replay_delivery<'a>(
        &'a self,
        org: &'a OrgId,
        webhook: &'a WebhookId,
        id: &'a WebhookDeliveryId,
    ) -> BoxFuture<'a, Result<WebhookDelivery>> {
        Box::pin(async move {
            self.enabled_webhook(org, webhook).await?;
            let webhooks = self.store.webhooks(org);
            let mut retry = OptimisticRetry::to_change("a delivery");
            loop {
                retry.next().await?;
                let now = self.clock.now();
                let delivery = webhooks.delivery(webhook, id, now).await?.ok_or(NO_DELIVERY)?;
                if delivery.status == DeliveryStatus::Pending {
                    let detail = "This delivery is not finished: `next_attempt_at` says when it is tried next.";
                    return Err(Error::conflict("delivery_pending", detail));
                }
                let new = delivery.replayed(None, now);
                if webhooks.change_delivery(&delivery, &new).await? {
                    self.queue_delivery(&new).await;
                    return Ok(new);
                }
            }
        })
    }

    /// Replays the finished deliveries of a webhook since a time, in the background. With `only_failed`, those that
    /// succeeded are left out.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], and [`Error::Conflict`] `webhook_disabled`.
    pub fn replay_webhook<'a>(
        &'a self,
        org: &'a OrgId,
        actor: &'a Actor,
        id: &'a WebhookId,
        since: Timestamp,
        only_failed: bool,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.enabled_webhook(org, id).await?;
            let event = AuditEvent::new("webhook.replayed", "webhook", id.as_str())
                .after(json!({ "since": since, "only_failed": only_failed }));
            self.store.record(&self.entry(actor, org, event)?).await?;
            let message = DeliverWebhooksMessage::Replay {
                org_id: org.clone(),
                webhook_id: id.clone(),
                replay_id: self.ids.make::<WebhookDeliveryId>()?.0,
                since,
                until: self.clock.now(),
                only_failed,
                after: None,
            };
            self.queues.send(&message).await
        })
    }

    /// Replays a portion of the deliveries that a message names, and queues the next one.
    pub(super) async fn replay_some(&self, message: &DeliverWebhooksMessage) -> Result<()> {
        let DeliverWebhooksMessage::Replay {
            org_id,
            webhook_id,
            replay_id,
            since,
            until,
            only_failed,
            after: previous,
        } = message
        else {
            return Ok(());
        };
        let webhooks = self.store.webhooks(org_id);
        if !webhooks
            .get(webhook_id)
            .await?
            .is_some_and(|webhook| webhook.is_enabled())
        {
            return Ok(());
        }
        let found = webhooks
            .deliveries_after(webhook_id, previous.as_ref(), PORTION)
            .await?;
        let now = self.clock.now();
        let is_wanted = |delivery: &WebhookDelivery| {
            let is_finished = delivery.status != DeliveryStatus::Pending;
            let is_kept = after(delivery.created_at, WebhookDelivery::RETENTION) > now;
            let is_within = (*since..=*until).contains(&delivery.created_at);
            let is_failed = !*only_failed || delivery.status != DeliveryStatus::Succeeded;
            let is_new = delivery.replay.as_ref() != Some(replay_id);
            is_finished && is_kept && is_within && is_failed && is_new
        };
        for delivery in found.iter().filter(|delivery| is_wanted(delivery)) {
            let new = delivery.replayed(Some(replay_id.clone()), now);
            // Otherwise someone else has just replayed it.
            if webhooks.change_delivery(delivery, &new).await? {
                self.queue_delivery(&new).await;
            }
        }
        // A page of less than `PORTION` may not be the last one: it ends at 1 MB, too.
        let Some(last) = found.last().filter(|last| last.created_at <= *until) else {
            return Ok(());
        };
        let next = DeliverWebhooksMessage::Replay {
            org_id: org_id.clone(),
            webhook_id: webhook_id.clone(),
            replay_id: replay_id.clone(),
            since: *since,
            until: *until,
            only_failed: *only_failed,
            after: Some(last.id.clone()),
        };
        self.queues.send(&next).await
    }
}
