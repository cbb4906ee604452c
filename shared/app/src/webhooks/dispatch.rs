//! From a promise to the deliveries of its event.

use domain::{
    DeliverWebhooksMessage, EventData, OrgId, Result, Timestamp, Webhook, WebhookDelivery, WebhookEvent,
    WebhookEventId, WebhookId,
    webhooks::{data::TestEvent, message::DueDelivery},
};
use futures::{StreamExt as _, future::BoxFuture, stream};
use store::{Changed, PromisedEvent};

use crate::{App, Unfinished, platform::batch_outcome::BatchOutcome};

/// How long the message of a due delivery may take before it is sent once more.
const REPEAT_MS: i64 = 15 * 60 * 1000;
/// Number of due deliveries that are sent concurrently.
const AT_ONCE: usize = 20;

impl App {
    /// Queues the events that changes of the table promise. Changes may arrive twice.
    ///
    /// # Errors
    /// Returns the index from which the changes must be delivered again.
    pub fn dispatch_webhooks<'a>(&'a self, changes: &'a [Changed]) -> BoxFuture<'a, Result<(), Unfinished>> {
        Box::pin(async move {
            for (from, changed) in changes.iter().enumerate() {
                if let Some((org_id, event_id)) = PromisedEvent::of(changed) {
                    let message = DeliverWebhooksMessage::Dispatch { org_id, event_id };
                    let sent = self.queues.send(&message).await;
                    sent.map_err(|error| Unfinished { from, error })?;
                }
            }
            Ok(())
        })
    }

    /// Queues the events promised before `before_ms` (milliseconds since the Unix epoch) that were not dispatched, and
    /// the deliveries that are due; returns their number.
    ///
    /// # Errors
    /// Returns an error if a service does not respond; the next run handles the rest.
    pub(crate) async fn relay_webhooks(&self, before_ms: i64) -> Result<usize> {
        let mut kept = BatchOutcome::default();
        for promised in self.store.promised_events(before_ms).await? {
            let message = DeliverWebhooksMessage::Dispatch {
                org_id: promised.event.org.clone(),
                event_id: promised.event.id.clone(),
            };
            let sent = self.queues.send(&message).await.map(|()| 1);
            kept.count(
                sent,
                |error| tracing::warn!(event_id = %promised.event.id, %error, "webhook.not_relayed"),
            );
        }
        let now = self.clock.now();
        let due_now = self.store.due_deliveries().due(now).await?;
        // Many at once, so that a webhook with thousands of waiting deliveries does not keep others waiting.
        let repeated = stream::iter(due_now).map(|one| {
            let app = self.clone();
            async move {
                let sent = app.send_due(&one, now).await;
                (one, sent)
            }
        });
        let mut repeated = repeated.buffer_unordered(AT_ONCE);
        while let Some((one, sent)) = repeated.next().await {
            kept.count(
                sent,
                |error| tracing::warn!(delivery_id = %one.delivery_id, %error, "webhook.not_relayed"),
            );
        }
        kept.end()
    }

    /// Sends the message of a delivery that is due; returns whether there was one to send.
    async fn send_due(&self, one: &DueDelivery, now: Timestamp) -> Result<usize> {
        // If the message is lost, it is due again in a quarter of an hour.
        if !self
            .store
            .due_deliveries()
            .claim(one, now.as_millisecond() + REPEAT_MS)
            .await?
        {
            return Ok(0);
        }
        let webhooks = self.store.webhooks(&one.org_id);
        match webhooks.delivery(&one.webhook_id, &one.delivery_id, now).await? {
            Some(delivery) => self.queues.send(&delivery.message()).await.map(|()| 1),
            None => Ok(0),
        }
    }

    /// Creates the deliveries of a promised event, one for each webhook that wants it.
    pub(super) async fn dispatch_event(&self, org: &OrgId, id: &WebhookEventId) -> Result<()> {
        let webhooks = self.store.webhooks(org);
        let Some(event) = webhooks.promised(id).await? else {
            return Ok(());
        };
        // Nothing may be written for an organization that is being erased.
        let exists = self.store.orgs().get(org).await?.is_some();
        let all = if exists { webhooks.all().await? } else { Vec::new() };
        let wants = |webhook: &&Webhook| webhook.is_enabled() && webhook.subscribes_to(event.kind());
        let receivers: Vec<&Webhook> = all.iter().filter(wants).collect();
        if receivers.is_empty() {
            return webhooks.forget_promise(id).await;
        }
        self.create_deliveries(&event, receivers.into_iter().map(|webhook| &webhook.id))
            .await?;
        Ok(())
    }

    /// Sends a test event to a webhook; returns its delivery.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`](domain::Error::NotFound), and
    /// [`Error::Conflict`](domain::Error::Conflict) `webhook_disabled`.
    pub fn test_webhook<'a>(&'a self, org: &'a OrgId, id: &'a WebhookId) -> BoxFuture<'a, Result<WebhookDelivery>> {
        Box::pin(async move {
            let webhook = self.enabled_webhook(org, id).await?;
            let data = EventData::WebhookTest(TestEvent { webhook_id: id.clone() });
            let occurrence: WebhookEventId = self.ids.make()?;
            let event = WebhookEvent::new(org, self.clock.now(), data, occurrence.as_str());
            let made = self.create_deliveries(&event, std::iter::once(&webhook.id)).await?;
            made.into_iter().next().ok_or(super::NO_WEBHOOK)
        })
    }

    /// Stores an event with its deliveries and queues them, unless that was done before.
    async fn create_deliveries<'a>(
        &self,
        event: &WebhookEvent,
        receivers: impl Iterator<Item = &'a WebhookId>,
    ) -> Result<Vec<WebhookDelivery>> {
        let now = self.clock.now();
        let mut deliveries = Vec::new();
        for webhook in receivers {
            let (place, what) = ((&event.org, webhook), (&event.id, event.kind()));
            deliveries.push(WebhookDelivery::new(self.ids.make()?, place, what, now));
        }
        if !self
            .store
            .webhooks(&event.org)
            .dispatch(event, &deliveries, now)
            .await?
        {
            return Ok(Vec::new());
        }
        for delivery in &deliveries {
            self.queue_delivery(delivery).await;
        }
        Ok(deliveries)
    }

    /// Queues the next attempt of a delivery, if a queue can delay it as long as it must wait. If the queue fails, the
    /// relay sends it later.
    pub(super) async fn queue_delivery(&self, delivery: &WebhookDelivery) {
        let Some(delay) = delivery.queue_delay(self.clock.now()) else {
            return;
        };
        if let Err(error) = self.queues.send_later(&delivery.message(), delay).await {
            tracing::warn!(
                delivery_id = %delivery.id,
                error = &error as &dyn std::error::Error,
                "webhook.not_queued"
            );
        }
    }
}
