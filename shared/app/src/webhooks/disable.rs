//! Disables webhooks whose receiver does not work, and tells the administrators.

use domain::{Actor, AuditEntry, DisabledReason, MailId, MailMessage, Result, UserId, Webhook, WebhookStatus};
use store::{OptimisticRetry, Owner, WebhookWrite};

use super::rules_of;
use crate::{App, audit::audit_event::AuditEvent};

/// Administrators who get a mail: all parts of a change are one transaction.
const MAX_ADMINS: usize = 20;

impl App {
    /// Disables a webhook, unless that was done or it was changed since it was read. Its administrators get a mail.
    pub(super) async fn disable_webhook(&self, read: &Webhook, reason: DisabledReason) -> Result<()> {
        let webhooks = self.store.webhooks(&read.org);
        let mut retry = OptimisticRetry::to_change("the webhooks of an organization");
        loop {
            retry.next().await?;
            let Some(found) = self.store.orgs().get(&read.org).await? else {
                return Ok(());
            };
            let all = webhooks.all().await?;
            let Some(old) = all.iter().find(|webhook| *webhook == read) else {
                return Ok(());
            };
            let now = self.clock.now();
            let new = Webhook {
                status: WebhookStatus::Disabled,
                disabled_reason: Some(reason),
                updated_at: now,
                ..old.clone()
            };
            let entry = self.disabled_entry(old, &new)?;
            let mails = self.disabled_mails(old, reason).await?;
            let write = WebhookWrite::Put(&new);
            if webhooks
                .write(&all, &found.org.webhooks, &write, &entry, &mails, now)
                .await?
            {
                tracing::warn!(webhook_id = %read.id, ?reason, "webhook.disabled");
                let mails: Vec<_> = mails.into_iter().map(|(_, mail)| mail).collect();
                self.queue_promised(&mails).await;
                return Ok(());
            }
        }
    }

    fn disabled_entry(&self, old: &Webhook, new: &Webhook) -> Result<AuditEntry> {
        let event = AuditEvent::new("webhook.disabled", "webhook", old.id.as_str())
            .before(rules_of(old))
            .after(rules_of(new));
        self.entry(&Actor::system(), &old.org, event)
    }

    async fn disabled_mails(&self, webhook: &Webhook, reason: DisabledReason) -> Result<Vec<(UserId, MailMessage)>> {
        let admins = self.recipients(&Owner::Org(webhook.org.clone())).await?;
        let mut mails = Vec::new();
        for (user, org) in admins.into_iter().take(MAX_ADMINS) {
            let mail = MailMessage::WebhookDisabled {
                id: self.ids.make::<MailId>()?,
                user: user.clone(),
                org,
                org_id: webhook.org.clone(),
                webhook_id: webhook.id.clone(),
                reason,
            };
            mails.push((user, mail));
        }
        Ok(mails)
    }
}
