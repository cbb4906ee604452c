//! Webhooks of an organization.
//!
//! The organization's item contains which events they want, so that whoever changes something knows without a read
//! whether an event is to be promised. Every change of a webhook replaces that in its transaction, under the version
//! that was read with all webhooks: so their number and the types are exact.

pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod lanes;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{AuditEntry, MailMessage, OrgId, Result, Timestamp, UserId, WantedEvents, Webhook, WebhookId};

use crate::{
    Store, keys,
    orgs::ALIVE,
    table::item::{Transaction, n, part, to_item, value},
};

/// The webhooks of an organization.
#[derive(Debug, Clone)]
pub struct Webhooks {
    store: Store,
    org: OrgId,
}

/// A change of a webhook.
#[derive(Debug)]
pub enum WebhookWrite<'a> {
    /// It is new, or replaces the one with its ID.
    Put(&'a Webhook),
    /// It is deleted.
    Delete(&'a WebhookId),
}

impl Store {
    /// Returns access to the webhooks of an organization.
    pub fn webhooks(&self, org: &OrgId) -> Webhooks {
        Webhooks {
            store: self.clone(),
            org: org.clone(),
        }
    }
}

impl Webhooks {
    /// Returns all webhooks, oldest first; their number is limited.
    pub async fn all(&self) -> Result<Vec<Webhook>> {
        let pk = keys::webhooks_of(&self.org);
        self.store.app().all_below(&pk, keys::WEBHOOKS).await
    }

    /// Returns one webhook.
    pub async fn get(&self, id: &WebhookId) -> Result<Option<Webhook>> {
        self.store.app().get(keys::webhook(&self.org, id)).await
    }

    /// Writes a change with its audit entry, and mails about it. `before`: all webhooks as they were read, after the
    /// organization with `wanted`. Returns `false` if one of them was changed meanwhile, or the organization deleted,
    /// and nothing was written.
    pub async fn write(
        &self,
        before: &[Webhook],
        wanted: &WantedEvents,
        write: &WebhookWrite<'_>,
        entry: &AuditEntry,
        mails: &[(UserId, MailMessage)],
        now: Timestamp,
    ) -> Result<bool> {
        let app = self.store.app();
        let (id, written) = match write {
            WebhookWrite::Put(webhook) => {
                let item = to_item(&keys::webhook(&self.org, &webhook.id), webhook)?;
                (&webhook.id, app.part_put(item)?)
            }
            WebhookWrite::Delete(id) => (*id, app.part_delete_any(&keys::webhook(&self.org, id))?),
        };
        let others = before.iter().filter(|webhook| webhook.id != *id);
        let put = match write {
            WebhookWrite::Put(webhook) => Some(*webhook),
            WebhookWrite::Delete(_) => None,
        };
        let types = Webhook::wanted_by(others.chain(put));
        let after = WantedEvents {
            version: wanted.version + 1,
            types,
        };
        let mut parts = vec![written, self.part_wanted(wanted, &after)?];
        for (user, mail) in mails {
            parts.push(self.store.part_email_entry(user, mail, now)?);
        }
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    fn part_wanted(&self, before: &WantedEvents, after: &WantedEvents) -> Result<TransactWriteItem> {
        let update = self.store.identity().part_update(&keys::org(&self.org));
        let update = if before.is_unset() {
            update.condition_expression(format!("{ALIVE} AND attribute_not_exists(webhooks)"))
        } else {
            update
                .condition_expression(format!("{ALIVE} AND webhooks.version = :before"))
                .expression_attribute_values(":before", n(before.version))
        };
        part(
            update
                .update_expression("SET webhooks = :after")
                .expression_attribute_values(":after", value(after)?),
        )
    }
}
