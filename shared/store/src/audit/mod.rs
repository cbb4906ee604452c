//! The audit log: entries are added, never changed.
//!
//! Each chain has a head, a copy of its last link, in another partition. The head is written with every entry, and the
//! next entry follows the head, not the last entry of the chain: entries that were cut off leave a gap.

pub(crate) mod audit_log;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::{AuditEntry, Error, OrgId, Result, audit::ChainLink};

use crate::{
    Store,
    keys::{self, Key},
    table::backoff::Backoff,
    table::item::{self, ITEM_MISSING, Item, Transaction, n, s, starting_with, transact},
};

impl Store {
    /// Writes `parts` and `entry`, or nothing: no change exists without its entry. [`Transaction::Refused`] counts
    /// `parts` only.
    pub(crate) async fn transact_audited(
        &self,
        entry: &AuditEntry,
        mut parts: Vec<TransactWriteItem>,
    ) -> Result<Transaction> {
        let own = parts.len();
        let mut backoff = Backoff::default();
        loop {
            parts.truncate(own);
            parts.extend(self.next_audit_parts(entry).await?);
            match transact(&self.db, parts.clone()).await? {
                // Another entry of this tenant took this position: the chain continues after it.
                Transaction::Refused(part) if part >= own => {
                    if !backoff.wait().await? {
                        return Err(Error::unavailable("the audit log is too busy"));
                    }
                }
                other => return Ok(other),
            }
        }
    }

    /// Returns the parts that add an entry at the end of its chain, and promise its event to webhooks. They are refused if another entry came first.
    pub(crate) async fn next_audit_parts(&self, entry: &AuditEntry) -> Result<Vec<TransactWriteItem>> {
        let body = serde_json::to_string(entry).map_err(Error::internal)?;
        let month = entry.created_at.to_string()[..7].to_owned();
        let last = self.last_link(&entry.tenant, &month).await?;
        let link = ChainLink::after(last.as_ref(), &body);
        let key = keys::audit_entry(&entry.tenant, &month, link.number);
        let mut item = Item::from([
            ("pk".to_owned(), s(key.pk)),
            ("sk".to_owned(), s(key.sk)),
            ("id".to_owned(), s(entry.id.as_str())),
            ("owner".to_owned(), s(entry.tenant.as_str())),
            ("month".to_owned(), s(keys::audit_month_of(&month, &entry.tenant))),
            ("subject".to_owned(), s(&entry.subject)),
            ("number".to_owned(), n(link.number)),
            ("hash".to_owned(), s(&link.hash)),
            ("body".to_owned(), s(&body)),
        ]);
        if let Some(actor) = &entry.actor.id {
            item.insert("actor".to_owned(), s(actor));
        }
        let mut parts = vec![
            self.audit().part_put_new(item)?,
            self.head(&entry.tenant, &month, &link)?,
        ];
        parts.extend(self.part_promise_event(entry.event.as_deref())?);
        Ok(parts)
    }

    /// Adds an entry without a change of data.
    pub async fn record(&self, entry: &AuditEntry) -> Result<()> {
        self.transact_audited(entry, Vec::new()).await.map(|_| ())
    }

    /// Returns the part that advances the head of a chain to `link`. The head never moves back.
    fn head(&self, tenant: &OrgId, month: &str, link: &ChainLink) -> Result<TransactWriteItem> {
        let Key { pk, sk } = keys::audit_head(tenant, month);
        let put = Put::builder()
            .table_name(&self.tables().audit)
            .item("pk", s(pk))
            .item("sk", s(sk))
            .item("number", n(link.number))
            .item("hash", s(&link.hash))
            .condition_expression(format!("{ITEM_MISSING} OR #number < :number"))
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":number", n(link.number))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    async fn last_link(&self, tenant: &OrgId, month: &str) -> Result<Option<ChainLink>> {
        match self.audit_head(tenant, month).await? {
            Some(head) => Ok(Some(head)),
            // The first entry of a month, or the head was removed.
            None => self.newest_link(&keys::audit_chain(tenant, month), "").await,
        }
    }

    /// Returns the head of a chain.
    pub(crate) async fn audit_head(&self, tenant: &OrgId, month: &str) -> Result<Option<ChainLink>> {
        let Key { pk, sk } = keys::audit_head(tenant, month);
        self.newest_link(&pk, &sk).await
    }

    /// Returns the last link of a partition whose sort key starts with `prefix`. A query, because no function may read
    /// this table in another way.
    async fn newest_link(&self, pk: &str, prefix: &str) -> Result<Option<ChainLink>> {
        let query = self
            .db
            .query()
            .table_name(&self.tables().audit)
            .expression_attribute_names("#number", "number")
            .expression_attribute_names("#hash", "hash")
            .projection_expression("#number, #hash")
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(1);
        let answer = starting_with(query, pk, prefix).send().await.map_err(item::failed)?;
        let newest = answer.items.unwrap_or_default().pop();
        newest.as_ref().map(link_of).transpose()
    }
}

/// Returns the link stored in an item.
pub(crate) fn link_of(item: &Item) -> Result<ChainLink> {
    let link = || {
        Some(ChainLink {
            number: item.get("number")?.as_n().ok()?.parse().ok()?,
            hash: item.get("hash")?.as_s().ok()?.clone(),
        })
    };
    link().ok_or_else(|| Error::internal("an audit entry cannot be read"))
}
