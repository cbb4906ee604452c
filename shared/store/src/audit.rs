//! The audit log: entries are added, never changed.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use model::{AuditEntry, Error, Result, audit::Link};

use crate::{
    Store,
    item::{self, ABSENT, Item, Transaction, n, s, transact},
    keys,
};

/// How often a place in a chain that somebody else took first is looked for again.
const MAX_ATTEMPTS: u32 = 200;

impl Store {
    /// Writes `parts` and `entry`, or nothing: a change without its entry does not exist. [`Transaction::Refused`]
    /// counts `parts` only.
    pub(crate) async fn transact_audited(
        &self,
        entry: &AuditEntry,
        mut parts: Vec<TransactWriteItem>,
    ) -> Result<Transaction> {
        let body = serde_json::to_string(entry).map_err(Error::internal)?;
        let month = entry.created_at.to_string()[..7].to_owned();
        let own = parts.len();
        for _ in 0..MAX_ATTEMPTS {
            let chain = keys::audit_chain(&entry.tenant, &month);
            let link = Link::after(self.last_link(&chain).await?.as_ref(), &body);
            let key = keys::audit_entry(&entry.tenant, &month, link.number);
            let mut item = Item::from([
                ("pk".to_owned(), s(key.pk)),
                ("sk".to_owned(), s(key.sk)),
                ("id".to_owned(), s(entry.id.as_str())),
                ("owner".to_owned(), s(entry.tenant.as_str())),
                ("month".to_owned(), s(&month)),
                ("subject".to_owned(), s(&entry.subject)),
                ("number".to_owned(), n(link.number)),
                ("hash".to_owned(), s(link.hash)),
                ("body".to_owned(), s(&body)),
            ]);
            if let Some(actor) = &entry.actor.id {
                item.insert("actor".to_owned(), s(actor));
            }
            if own == 0 {
                // Alone it needs no transaction, which costs twice as much and conflicts with its neighbors.
                if self.audit().put_new(item).await? {
                    return Ok(Transaction::Done);
                }
                continue;
            }
            let put = Put::builder()
                .table_name(&self.tables().audit)
                .set_item(Some(item))
                .condition_expression(ABSENT)
                .build()
                .map_err(Error::internal)?;
            parts.truncate(own);
            parts.push(TransactWriteItem::builder().put(put).build());
            match transact(&self.db, parts.clone()).await? {
                // Another entry of this tenant took the place: the chain goes on behind it.
                Transaction::Refused(part) if part == own => {}
                other => return Ok(other),
            }
        }
        Err(Error::unavailable("the audit log is too busy"))
    }

    /// Adds an entry that stands for itself.
    pub async fn record(&self, entry: &AuditEntry) -> Result<()> {
        self.transact_audited(entry, Vec::new()).await.map(|_| ())
    }

    async fn last_link(&self, chain: &str) -> Result<Option<Link>> {
        let query = self
            .db
            .query()
            .table_name(&self.tables().audit)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(chain))
            .expression_attribute_names("#number", "number")
            .expression_attribute_names("#hash", "hash")
            .projection_expression("#number, #hash")
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(1);
        let answer = query.send().await.map_err(item::failed)?;
        let Some(item) = answer.items.unwrap_or_default().pop() else {
            return Ok(None);
        };
        let link = || {
            Some(Link {
                number: item.get("number")?.as_n().ok()?.parse().ok()?,
                hash: item.get("hash")?.as_s().ok()?.clone(),
            })
        };
        link()
            .map(Some)
            .ok_or_else(|| Error::internal("an audit entry cannot be read"))
    }
}
