//! The payments of organizations.
//!
//! The account of an organization is one item with a version. Every change names the version that it replaces, and is
//! written together with the plan that follows from it, the next scheduled comparison, the marker of the event that
//! led to it, and its audit entry.

pub(crate) mod operations;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use domain::{
    AuditEntry, BillingAccount, Error, MailMessage, Org, OrgId, Overage, Plan, Result, Timestamp, UserId, WebhookEvent,
    WhiteLabel,
};
use serde::{Deserialize, Serialize};

use crate::{
    EventMarker, OrgWrite, Store, keys,
    orgs::ALIVE,
    table::item::{Item, Transaction, from_item, n, part, part_condition, primary, s, to_item, transact, value},
    tables,
};

/// Scheduled comparisons that one run reads.
const PORTION: i32 = 100;

/// The payments of organizations.
#[derive(Debug, Clone)]
pub struct Billing(Store);

/// A change of what is known about the payments of an organization.
#[derive(Debug)]
pub struct BillingChange<'a> {
    /// The account as it was read.
    pub before: &'a BillingAccount,
    /// The account as it will be; its version is ignored.
    pub after: &'a BillingAccount,
    /// The plan of the organization as it was read and as it will be, if it changes.
    pub plan: Option<(Plan, Plan)>,
    /// Whether the organization draws no more packs of tokens from now on.
    pub ends_overage: bool,
    /// The event that led to the change.
    pub event: Option<&'a EventMarker>,
    /// Emails about the change, with the accounts they are about.
    pub mails: &'a [(UserId, MailMessage)],
    /// Events that webhooks get.
    pub events: &'a [WebhookEvent],
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillingWrite {
    /// It was written.
    Done,
    /// Not written: the event was applied before.
    Repeated,
    /// Not written: another change came first; read again.
    Changed,
}

#[derive(Serialize, Deserialize)]
struct Customer {
    org_id: OrgId,
}

#[derive(Serialize, Deserialize)]
struct Check {
    org_id: OrgId,
    due_at: Timestamp,
}

impl Store {
    /// Returns access to the payments of organizations.
    pub fn billing(&self) -> Billing {
        Billing(self.clone())
    }
}

fn marker_item(event: &EventMarker) -> Item {
    let key = keys::event("stripe", &event.id);
    Item::from([
        ("pk".to_owned(), s(key.pk)),
        ("sk".to_owned(), s(key.sk)),
        (tables::TTL.to_owned(), n(event.until.as_second())),
    ])
}

impl Billing {
    /// Returns what is known about the payments of an organization; nothing yet if it is new.
    pub async fn account(&self, org: &OrgId) -> Result<BillingAccount> {
        let found = self.0.identity().get(keys::billing_account(org)).await?;
        Ok(found.unwrap_or_else(|| BillingAccount::new(org.clone())))
    }

    /// Returns the organization of a customer at the payment provider.
    pub async fn org_of_customer(&self, customer: &str) -> Result<Option<OrgId>> {
        let found: Option<Customer> = self.0.identity().get(keys::billing_customer(customer)).await?;
        Ok(found.map(|found| found.org_id))
    }

    /// Gives an organization its customer at the payment provider. `person`: the user whose personal organization it
    /// is. Returns [`BillingWrite::Changed`] if it has one, or was deleted.
    pub async fn set_customer(
        &self,
        before: &BillingAccount,
        customer: &str,
        person: Option<&UserId>,
        entry: &AuditEntry,
    ) -> Result<BillingWrite> {
        let after = BillingAccount {
            customer_id: Some(customer.to_owned()),
            ..before.clone()
        };
        let table = self.0.identity();
        let owner = Customer {
            org_id: before.org_id.clone(),
        };
        let mut parts = vec![
            self.account_part(before, &after)?,
            table.part_put_new(to_item(&keys::billing_customer(customer), &owner)?)?,
            self.alive_part(&before.org_id)?,
        ];
        if let Some(user) = person {
            let profile = table
                .part_update(&keys::profile(user))
                .update_expression("SET stripe_customer_id = :customer")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":customer", s(customer));
            parts.push(part(profile)?);
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => BillingWrite::Done,
            Transaction::Refused(_) => BillingWrite::Changed,
        })
    }

    /// Removes a customer that no longer exists at the payment provider.
    pub async fn forget_customer(&self, before: &BillingAccount) -> Result<BillingWrite> {
        let after = BillingAccount {
            customer_id: None,
            subscription: None,
            past_due_since: None,
            check_at: None,
            ..before.clone()
        };
        let mut parts = vec![self.account_part(before, &after)?];
        parts.extend(self.check_parts(before, &after)?);
        if let Some(customer) = &before.customer_id {
            parts.push(self.0.identity().part_delete(&keys::billing_customer(customer), None)?);
        }
        Ok(match transact(&self.0.db, parts).await? {
            Transaction::Done => BillingWrite::Done,
            Transaction::Refused(_) => BillingWrite::Changed,
        })
    }

    /// Writes a change with everything that belongs to it. Without `entry`, nothing that is audited may change.
    pub async fn change(
        &self,
        change: &BillingChange<'_>,
        entry: Option<&AuditEntry>,
        now: Timestamp,
    ) -> Result<BillingWrite> {
        let mut parts = Vec::new();
        if let Some(event) = change.event {
            parts.push(self.0.ephemeral().part_put_new(marker_item(event))?);
        }
        let marked = parts.len();
        parts.push(self.account_part(change.before, change.after)?);
        parts.extend(self.check_parts(change.before, change.after)?);
        let ends = if change.ends_overage { "REMOVE overage" } else { "" };
        if let Some((from, to)) = change.plan {
            let update = self
                .0
                .identity()
                .part_update(&keys::org(&change.after.org_id))
                .update_expression(format!("SET #plan = :to {ends}"))
                .condition_expression(format!("{ALIVE} AND #plan = :from"))
                .expression_attribute_names("#plan", "plan")
                .expression_attribute_values(":from", value(&from)?)
                .expression_attribute_values(":to", value(&to)?);
            parts.push(part(update)?);
        } else if change.ends_overage {
            let update = self.0.identity().part_update(&keys::org(&change.after.org_id));
            parts.push(part(update.update_expression(ends).condition_expression(ALIVE))?);
        }
        for event in change.events {
            parts.extend(self.0.part_promise_event(Some(event))?);
        }
        for (user, mail) in change.mails {
            parts.push(self.0.part_email_entry(user, mail, now)?);
        }
        let done = match entry {
            Some(entry) => self.0.transact_audited(entry, parts).await?,
            None => transact(&self.0.db, parts).await?,
        };
        Ok(match done {
            Transaction::Done => BillingWrite::Done,
            Transaction::Refused(part) if part < marked => BillingWrite::Repeated,
            Transaction::Refused(_) => BillingWrite::Changed,
        })
    }

    /// Sets what an organization, as it was read, wants to spend on packs of tokens; `None` for nothing. `account`: the
    /// payments that must still be as they were read. Returns [`OrgWrite::Changed`] if something changed first.
    pub async fn set_overage(
        &self,
        org: &Org,
        account: Option<&BillingAccount>,
        overage: Option<Overage>,
        entry: &AuditEntry,
    ) -> Result<OrgWrite> {
        let table = self.0.identity();
        let update = table
            .part_update(&keys::org(&org.id))
            .condition_expression(format!("{ALIVE} AND #plan = :plan"))
            .expression_attribute_names("#plan", "plan")
            .expression_attribute_values(":plan", value(&org.plan)?);
        let update = match overage {
            Some(overage) => update
                .update_expression("SET overage = :overage")
                .expression_attribute_values(":overage", value(&overage)?),
            None => update.update_expression("REMOVE overage"),
        };
        let mut parts = vec![part(update)?];
        if let Some(account) = account {
            parts.push(table.part_check(&keys::billing_account(&org.id), [("version", n(account.version))])?);
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Returns whether an event was applied before.
    pub async fn knows_event(&self, event: &EventMarker) -> Result<bool> {
        let key = keys::event("stripe", &event.id);
        Ok(self.0.ephemeral().get_raw(key, true).await?.is_some())
    }

    /// Records an event that changed nothing.
    pub async fn record_event(&self, event: &EventMarker) -> Result<()> {
        self.0.ephemeral().put_first(marker_item(event)).await.map(|_| ())
    }

    /// Returns organizations whose subscriptions are to be compared by now, those that are overdue longest first, a
    /// bounded number.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<(OrgId, Timestamp)>> {
        let query = self
            .0
            .db
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk < :before")
            .expression_attribute_values(":pk", s(keys::BILLING_CHECKS))
            .expression_attribute_values(
                ":before",
                s(keys::billing_checks_before(now.as_millisecond().saturating_add(1))),
            );
        let found = self.0.identity().first(query, PORTION).await?.into_iter();
        let due = found.map(|item| from_item::<Check>(item).map(|check| (check.org_id, check.due_at)));
        due.collect()
    }

    /// Removes a scheduled comparison of an organization that no longer exists.
    pub async fn remove_check(&self, org: &OrgId, due: Timestamp) -> Result<()> {
        let key = keys::billing_check(due.as_millisecond(), org);
        self.0.identity().delete(&key).await
    }

    /// Returns the white-label settings of an organization.
    pub async fn white_label(&self, org: &OrgId) -> Result<WhiteLabel> {
        let found = self.0.identity().get(keys::white_label(org)).await?;
        Ok(found.unwrap_or_default())
    }

    /// Replaces the white-label settings of an organization; returns `false` if it was deleted.
    pub async fn set_white_label(&self, org: &OrgId, settings: &WhiteLabel, entry: &AuditEntry) -> Result<bool> {
        let item = to_item(&keys::white_label(org), settings)?;
        let parts = vec![self.0.identity().part_put(item)?, self.alive_part(org)?];
        Ok(self.0.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// The part that replaces the account if it still has the version that was read.
    fn account_part(&self, before: &BillingAccount, after: &BillingAccount) -> Result<TransactWriteItem> {
        let after = BillingAccount {
            version: before
                .version
                .checked_add(1)
                .ok_or_else(|| Error::internal("a version overflows"))?,
            ..after.clone()
        };
        let item = to_item(&keys::billing_account(&after.org_id), &after)?;
        let table = self.0.identity();
        if before.version == 0 {
            table.part_put_new(item)
        } else {
            table.part_put_if(item, "version = :version", [(":version", n(before.version))])
        }
    }

    /// The parts that move the scheduled comparison.
    fn check_parts(&self, before: &BillingAccount, after: &BillingAccount) -> Result<Vec<TransactWriteItem>> {
        if before.check_at == after.check_at {
            return Ok(Vec::new());
        }
        let table = self.0.identity();
        let mut parts = Vec::new();
        if let Some(due) = before.check_at {
            // It may have been removed as an orphan.
            let key = keys::billing_check(due.as_millisecond(), &before.org_id);
            parts.push(table.part_delete_if(&key, "attribute_exists(pk) OR attribute_not_exists(pk)")?);
        }
        if let Some(due) = after.check_at {
            let check = Check {
                org_id: after.org_id.clone(),
                due_at: due,
            };
            let key = keys::billing_check(due.as_millisecond(), &after.org_id);
            parts.push(table.part_put(to_item(&key, &check)?)?);
        }
        Ok(parts)
    }

    /// The part that requires that an organization was not deleted.
    fn alive_part(&self, org: &OrgId) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(self.0.identity().name)
            .set_key(Some(primary(&keys::org(org))))
            .condition_expression(ALIVE);
        part_condition(check)
    }
}
