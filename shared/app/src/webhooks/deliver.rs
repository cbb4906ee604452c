//! The worker: attempts to deliver an event to a webhook.
//!
//! An attempt is recorded after the request, so a worker that dies in between makes it once more, under the same
//! `webhook-id`: a receiver that remembers IDs handles each event once.

use std::time::Duration;

use domain::{
    Attempt, DeliverWebhooksMessage, DeliveryStatus, Error, OrgId, Result, Secret, Webhook, WebhookDelivery,
    WebhookDeliveryId, WebhookEvent, WebhookId,
};
use fetch::{FetchError, Post, Posted};
use futures::future::BoxFuture;
use store::{Entered, Health, Lane, Webhooks};

use super::{place, signature::signatures};
use crate::{App, Delivery};

/// Time limit of a request, as Standard Webhooks recommends (15 to 30 seconds).
const TIME_LIMIT: Duration = Duration::from_secs(15);
/// Bytes of a response that are kept.
const RESPONSE_BYTES: usize = 1024;

/// A finished request.
struct Sent {
    attempt: Attempt,
    retry_after: Option<Duration>,
}

impl App {
    /// Processes a message of the queue `deliver_webhooks`.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again.
    pub fn deliver_webhooks<'a>(
        &'a self,
        message: &'a DeliverWebhooksMessage,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match message {
                DeliverWebhooksMessage::Dispatch { org_id, event_id } => self.dispatch_event(org_id, event_id).await,
                DeliverWebhooksMessage::Deliver {
                    org_id,
                    webhook_id,
                    delivery_id,
                    rev,
                } => {
                    self.deliver_event((org_id, webhook_id, delivery_id), *rev, delivery)
                        .await
                }
                DeliverWebhooksMessage::Replay { .. } => self.replay_some(message).await,
            }
        })
    }

    async fn deliver_event(
        &self,
        (org, webhook, id): (&OrgId, &WebhookId, &WebhookDeliveryId),
        rev: u32,
        invocation: &Delivery,
    ) -> Result<()> {
        let webhooks = self.store.webhooks(org);
        let now = self.clock.now();
        let (found, delivery) = futures::try_join!(webhooks.get(webhook), webhooks.delivery(webhook, id, now))?;
        let is_current = |delivery: &WebhookDelivery| delivery.rev == rev && delivery.status == DeliveryStatus::Pending;
        let Some(delivery) = delivery.filter(is_current) else {
            return Ok(());
        };
        let event = match found.filter(Webhook::is_enabled) {
            Some(found) => webhooks.event(&delivery.event).await?.map(|event| (found, event)),
            None => None,
        };
        let Some((found, event)) = event else {
            webhooks.change_delivery(&delivery, &delivery.canceled()).await?;
            return Ok(());
        };
        let until = invocation.lease_end().as_millisecond();
        let lane = match webhooks.enter_lane(&delivery, now, until).await? {
            Entered::Yes(lane) => lane,
            Entered::Running(until) => {
                let left = u64::try_from(until - now.as_millisecond()).unwrap_or_default();
                return Err(Error::InProgress {
                    detail: "another worker is making this attempt",
                    retry_after: Duration::from_millis(left),
                });
            }
            Entered::Full => {
                let free = webhooks.wait_for_lane(&delivery, now).await?;
                return self.wake(&webhooks, (org, webhook), free).await;
            }
        };
        // Another worker may have made the attempt between the first look and here.
        let made = match webhooks.delivery(webhook, id, now).await {
            Ok(Some(now)) if now.rev == delivery.rev => self.attempt(&webhooks, &found, &event, &delivery, &lane).await,
            Ok(_) => Ok(Health::Unknown),
            Err(error) => Err(error),
        };
        let health = *made.as_ref().unwrap_or(&Health::Unknown);
        let free = webhooks.leave_lane(&delivery, health, self.clock.now()).await?;
        self.wake(&webhooks, (org, webhook), free).await?;
        made.map(|_| ())
    }

    /// Makes an attempt and records it. Returns what it has shown about the webhook.
    async fn attempt(
        &self,
        webhooks: &Webhooks,
        webhook: &Webhook,
        event: &WebhookEvent,
        delivery: &WebhookDelivery,
        lane: &Lane,
    ) -> Result<Health> {
        let sent = self.send_event(webhook, event).await?;
        let now = self.clock.now();
        let (is_success, is_gone) = (sent.attempt.is_success(), sent.attempt.is_gone());
        tracing::info!(
            webhook_id = %webhook.id,
            event_id = %event.id,
            status = sent.attempt.status_code,
            code = sent.attempt.error.as_deref(),
            duration_ms = sent.attempt.duration_ms,
            "webhook.attempted"
        );
        let new = delivery.attempted(sent.attempt, sent.retry_after, now);
        if webhooks.change_delivery(delivery, &new).await? {
            self.queue_delivery(&new).await;
        }
        if is_success {
            return Ok(if lane.failing_since_ms.is_some() {
                Health::Works
            } else {
                Health::Unknown
            });
        }
        let since = lane.failing_since(now);
        if is_gone {
            self.disable_webhook(webhook, domain::DisabledReason::Gone).await?;
        } else if now.as_millisecond() - since >= millis(Webhook::FAILS_FOR) {
            self.disable_webhook(webhook, domain::DisabledReason::Failing).await?;
        }
        Ok(Health::FailsSince(since))
    }

    /// Sends an event, signed by every valid secret of the webhook.
    async fn send_event(&self, webhook: &Webhook, event: &WebhookEvent) -> Result<Sent> {
        let at = self.clock.now();
        let body = self.payload(webhook, event).await?;
        let secrets = self.signing_secrets(webhook).await?;
        let post = Post {
            headers: vec![
                ("webhook-id", event.id.to_string()),
                ("webhook-timestamp", at.as_second().to_string()),
                ("webhook-signature", signatures(&secrets, &event.id, at, &body)?),
            ],
            body,
            total: TIME_LIMIT,
            response_bytes: RESPONSE_BYTES,
        };
        let began = tokio::time::Instant::now();
        let posted = self.fetcher.get()?.post(&webhook.url, post).await;
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(sent(at, duration_ms, posted))
    }

    async fn signing_secrets(&self, webhook: &Webhook) -> Result<Vec<Secret>> {
        let place = place(&webhook.org, &webhook.id);
        let mut secrets = vec![self.decrypt_secret(place, &webhook.secret).await?];
        if let Some(previous) = webhook.previous.as_ref().filter(|one| one.until > self.clock.now()) {
            secrets.push(self.decrypt_secret(place, &previous.secret).await?);
        }
        Ok(secrets)
    }

    /// Queues deliveries that waited for others of their webhook. What is lost here is due again later.
    async fn wake(&self, webhooks: &Webhooks, (org, webhook): (&OrgId, &WebhookId), free: u32) -> Result<()> {
        if free == 0 {
            return Ok(());
        }
        for (delivery_id, rev) in webhooks.take_waiting(webhook, free).await? {
            let message = DeliverWebhooksMessage::Deliver {
                org_id: org.clone(),
                webhook_id: webhook.clone(),
                delivery_id,
                rev,
            };
            self.queues.send(&message).await?;
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn sent(at: domain::Timestamp, duration_ms: u64, posted: Result<Posted, FetchError>) -> Sent {
    let retry_after = posted.as_ref().ok().and_then(|posted| posted.retry_after);
    let (status_code, error, response) = match posted {
        Ok(posted) => {
            let text = String::from_utf8_lossy(&posted.body).into_owned();
            (Some(posted.status), None, Some(text).filter(|text| !text.is_empty()))
        }
        Err(error) => (None, Some(error.code().to_owned()), None),
    };
    Sent {
        attempt: Attempt {
            at,
            status_code,
            error,
            duration_ms,
            response,
        },
        retry_after,
    }
}
