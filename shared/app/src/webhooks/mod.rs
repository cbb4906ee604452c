//! Webhooks: endpoints of an organization that receive its events.

mod content;
mod deliver;
mod disable;
mod dispatch;
mod log;
mod promise;
mod replay;
mod signature;

use std::collections::BTreeSet;

use domain::{
    Actor, AuditEntry, Error, EventType, Membership, OrgId, PlanLimit, PlanResource, Result, Secret, Webhook,
    WebhookId, WebhookStatus, time::after, webhooks::endpoint::PreviousSecret,
};
use fetch::FetchError;
use futures::future::BoxFuture;
pub use log::DeliveryFound;
use serde_json::{Value, json};
use store::{OptimisticRetry, WebhookWrite};

use crate::{App, audit::audit_event::AuditEvent, orgs::NO_ORG, platform::stored_secrets::SecretPlace};

pub(crate) const NO_WEBHOOK: Error = Error::NotFound("webhook");

/// A new webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// The types that are sent; all if `None`.
    pub events: Option<BTreeSet<EventType>>,
    /// Whether texts of conversations are sent too.
    pub include_content: bool,
}

/// A change of a webhook; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Where events are sent.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<Option<String>>,
    /// The types that are sent; all if the inner one is `None`.
    pub events: Option<Option<BTreeSet<EventType>>>,
    /// Whether texts of conversations are sent too.
    pub include_content: Option<bool>,
    /// Whether events are sent.
    pub status: Option<WebhookStatus>,
}

/// A webhook with the state of its deliveries.
#[derive(Debug, Clone)]
pub struct WebhookFound {
    /// The webhook.
    pub webhook: Webhook,
    /// Since when deliveries fail (milliseconds since the Unix epoch); `None` if the last one succeeded.
    pub failing_since_ms: Option<i64>,
}

/// A webhook with its signing secret, which cannot be read again.
#[derive(Debug)]
pub struct WebhookWithSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// The secret.
    pub secret: Secret,
}

impl App {
    /// Creates a webhook.
    ///
    /// # Errors
    /// Returns [`Error::Unusable`] at `/url`, and [`Error::Limit`] if the organization has as many as it may.
    pub fn create_webhook<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        new: NewWebhook,
    ) -> BoxFuture<'a, Result<WebhookWithSecret>> {
        Box::pin(async move {
            let url = self.receiver(&new.url)?;
            let id: WebhookId = self.ids.make()?;
            let secret = signature::new_secret()?;
            let encrypted = self.encrypt_secret(place(&member.org, &id), &secret).await?;
            let now = self.clock.now();
            let webhook = Webhook {
                id,
                org: member.org.clone(),
                url,
                description: new.description,
                events: new.events,
                include_content: new.include_content,
                status: WebhookStatus::Enabled,
                disabled_reason: None,
                secret: encrypted,
                previous: None,
                created_by: member.member.clone(),
                created_at: now,
                updated_at: now,
            };
            let event = AuditEvent::new("webhook.created", "webhook", webhook.id.as_str()).after(rules_of(&webhook));
            let entry = self.entry(actor, &member.org, event)?;
            let webhooks = self.store.webhooks(&member.org);
            let mut retry = OptimisticRetry::to_change("the webhooks of an organization");
            loop {
                retry.next().await?;
                // The organization first: its version covers all webhooks that are read after it.
                let org = self.store.orgs().get(&member.org).await?.ok_or(NO_ORG)?.org;
                let all = webhooks.all().await?;
                let own = org.entitlements(now);
                let limit = PlanLimit::of(&own, PlanResource::Webhooks, all.len() as u64, 1);
                if limit.is_exceeded() {
                    return Err(Error::plan_limit(limit));
                }
                let write = WebhookWrite::Put(&webhook);
                if webhooks.write(&all, &org.webhooks, &write, &entry, &[], now).await? {
                    return Ok(WebhookWithSecret { webhook, secret });
                }
            }
        })
    }

    /// Returns the webhooks of an organization, newest first.
    pub fn webhooks<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, Result<Vec<WebhookFound>>> {
        Box::pin(async move {
            let webhooks = self.store.webhooks(org);
            let all = webhooks.all().await?;
            let lanes = all.iter().map(|webhook| webhooks.lane(&webhook.id));
            let lanes = futures::future::try_join_all(lanes).await?;
            let found = all.into_iter().zip(lanes).rev();
            let found = found.map(|(webhook, lane)| WebhookFound {
                webhook,
                failing_since_ms: lane.failing_since_ms,
            });
            Ok(found.collect())
        })
    }

    /// Returns a webhook.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn webhook<'a>(&'a self, org: &'a OrgId, id: &'a WebhookId) -> BoxFuture<'a, Result<WebhookFound>> {
        Box::pin(async move {
            let webhooks = self.store.webhooks(org);
            let (webhook, lane) = futures::try_join!(webhooks.get(id), webhooks.lane(id))?;
            Ok(WebhookFound {
                webhook: webhook.ok_or(NO_WEBHOOK)?,
                failing_since_ms: lane.failing_since_ms,
            })
        })
    }

    /// Changes a webhook.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], and [`Error::Unusable`] at `/url`.
    pub fn change_webhook<'a>(
        &'a self,
        org: &'a OrgId,
        actor: &'a Actor,
        id: &'a WebhookId,
        change: WebhookChange,
    ) -> BoxFuture<'a, Result<Webhook>> {
        Box::pin(async move {
            let url = change.url.as_deref().map(|url| self.receiver(url)).transpose()?;
            let change = WebhookChange { url, ..change };
            let begins_anew = change.url.is_some() || change.status == Some(WebhookStatus::Enabled);
            let replaced = self.replace_webhook(org, id, |old| {
                let new = changed(old, change.clone());
                let event = AuditEvent::new("webhook.updated", "webhook", id.as_str())
                    .before(rules_of(old))
                    .after(rules_of(&new));
                Ok(Some((new, self.entry(actor, org, event)?)))
            });
            let webhook = replaced.await?;
            if begins_anew {
                // Otherwise its next failure would disable it at once.
                self.store.webhooks(org).forgive_lane(id).await?;
            }
            Ok(webhook)
        })
    }

    /// Replaces the secret of a webhook. The old one signs beside it for a day.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn rotate_webhook_secret<'a>(
        &'a self,
        org: &'a OrgId,
        actor: &'a Actor,
        id: &'a WebhookId,
    ) -> BoxFuture<'a, Result<WebhookWithSecret>> {
        Box::pin(async move {
            let secret = signature::new_secret()?;
            let encrypted = self.encrypt_secret(place(org, id), &secret).await?;
            let until = after(self.clock.now(), Webhook::ROTATION_OVERLAP);
            let rotated = self.replace_webhook(org, id, |old| {
                let new = Webhook {
                    secret: encrypted.clone(),
                    previous: Some(PreviousSecret {
                        secret: old.secret.clone(),
                        until,
                    }),
                    ..old.clone()
                };
                let event = AuditEvent::new("webhook.secret_rotated", "webhook", id.as_str())
                    .after(json!({ "previous_valid_until": until }));
                Ok(Some((new, self.entry(actor, org, event)?)))
            });
            Ok(WebhookWithSecret {
                webhook: rotated.await?,
                secret,
            })
        })
    }

    /// Deletes a webhook. What waits for it is dropped.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn delete_webhook<'a>(
        &'a self,
        org: &'a OrgId,
        actor: &'a Actor,
        id: &'a WebhookId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let webhooks = self.store.webhooks(org);
            let mut retry = OptimisticRetry::to_change("the webhooks of an organization");
            loop {
                retry.next().await?;
                let found = self.store.orgs().get(org).await?.ok_or(NO_ORG)?.org;
                let all = webhooks.all().await?;
                let old = all.iter().find(|webhook| webhook.id == *id).ok_or(NO_WEBHOOK)?;
                let event = AuditEvent::new("webhook.deleted", "webhook", id.as_str()).before(rules_of(old));
                let entry = self.entry(actor, org, event)?;
                let (write, now) = (WebhookWrite::Delete(id), self.clock.now());
                if webhooks.write(&all, &found.webhooks, &write, &entry, &[], now).await? {
                    return webhooks.forget_lane(id).await;
                }
            }
        })
    }

    /// Replaces a webhook by what `change` makes of it, with the entry that it returns; `None` leaves it as it is.
    async fn replace_webhook(
        &self,
        org: &OrgId,
        id: &WebhookId,
        change: impl Fn(&Webhook) -> Result<Option<(Webhook, AuditEntry)>>,
    ) -> Result<Webhook> {
        let webhooks = self.store.webhooks(org);
        let mut retry = OptimisticRetry::to_change("the webhooks of an organization");
        loop {
            retry.next().await?;
            let found = self.store.orgs().get(org).await?.ok_or(NO_ORG)?.org;
            let all = webhooks.all().await?;
            let old = all.iter().find(|webhook| webhook.id == *id).ok_or(NO_WEBHOOK)?;
            let Some((new, entry)) = change(old)? else {
                return Ok(old.clone());
            };
            let now = self.clock.now();
            let new = Webhook { updated_at: now, ..new };
            let write = WebhookWrite::Put(&new);
            if webhooks.write(&all, &found.webhooks, &write, &entry, &[], now).await? {
                return Ok(new);
            }
        }
    }

    /// Returns an enabled webhook, to which something can be sent.
    async fn enabled_webhook(&self, org: &OrgId, id: &WebhookId) -> Result<Webhook> {
        let webhook = self.store.webhooks(org).get(id).await?.ok_or(NO_WEBHOOK)?;
        if webhook.is_enabled() {
            Ok(webhook)
        } else {
            let detail = "This webhook is disabled. Enable it first: PATCH it with `\"status\": \"enabled\"`.";
            Err(Error::conflict("webhook_disabled", detail))
        }
    }

    /// Returns the URL of a receiver in the spelling of the URL standard, if events may be sent there as far as it can
    /// be told without the DNS.
    fn receiver(&self, url: &str) -> Result<String> {
        let target = self.fetcher.get()?.receiver(url).map_err(|error| unusable(&error))?;
        Ok(target.url().to_string())
    }
}

fn place<'a>(org: &'a OrgId, id: &'a WebhookId) -> SecretPlace<'a> {
    SecretPlace {
        tenant: org,
        field: "webhook.secret",
        id: id.as_str(),
    }
}

fn changed(old: &Webhook, change: WebhookChange) -> Webhook {
    let status = change.status.unwrap_or(old.status);
    Webhook {
        url: change.url.unwrap_or_else(|| old.url.clone()),
        description: change.description.unwrap_or_else(|| old.description.clone()),
        events: change.events.unwrap_or_else(|| old.events.clone()),
        include_content: change.include_content.unwrap_or(old.include_content),
        status,
        disabled_reason: old.disabled_reason.filter(|_| status == WebhookStatus::Disabled),
        ..old.clone()
    }
}

/// What the audit log may contain of a webhook: neither its secret nor its address, which may contain one.
fn rules_of(webhook: &Webhook) -> Value {
    json!({
        "events": webhook.events, "include_content": webhook.include_content, "status": webhook.status,
        "disabled_reason": webhook.disabled_reason,
    })
}

fn unusable(error: &FetchError) -> Error {
    let detail = match error {
        FetchError::SchemeNotAllowed => "Events are sent over https only. Enter an address that begins with https://.",
        FetchError::CredentialsNotAllowed => {
            "The address contains a user name or password. Remove it: receivers verify the signature of an event."
        }
        FetchError::PortNotAllowed => "Use port 443, or one above 1023 that browsers accept.",
        FetchError::AddressNotAllowed => {
            "This address belongs to a private network. Enter one that is reachable from the public internet."
        }
        _ => "This is not the address of a receiver. Enter a complete address such as https://example.com/webhooks.",
    };
    Error::Unusable {
        code: error.code(),
        pointer: "/url",
        detail: detail.to_owned(),
    }
}
