//! Whole partitions, as an erasure removes them.

use domain::Result;
use serde_json::Value;

use crate::{
    Store,
    chats::packed::unpack,
    keys::Key,
    table::item::{self, from_item, primary, starting_with},
};

/// Keys read per call.
const PORTION: i32 = 1000;
/// The table a partition is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableName {
    /// Accounts, organizations.
    Identity,
    /// What organizations own.
    App,
    /// Token ledger.
    Usage,
}

/// All items of one partition, or those whose sort keys share a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The table.
    pub table: TableName,
    /// Partition key.
    pub pk: String,
    /// Prefix of the sort keys; empty for all.
    pub prefix: String,
}

impl Partition {
    /// Returns the whole partition `pk`.
    pub fn whole(table: TableName, pk: impl Into<String>) -> Self {
        Self {
            table,
            pk: pk.into(),
            prefix: String::new(),
        }
    }

    /// Returns the items of `pk` whose sort keys start with `prefix`.
    pub fn part(table: TableName, pk: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            table,
            pk: pk.into(),
            prefix: prefix.into(),
        }
    }

    /// Returns one item as a partition.
    pub fn item(table: TableName, key: Key) -> Self {
        Self::part(table, key.pk, key.sk)
    }
}

/// Some items of a partition, as JSON without their keys.
#[derive(Debug, Default)]
pub struct Portion {
    /// Sort key and item.
    pub items: Vec<(String, Value)>,
    /// The sort key after which the next portion begins; `None` after the last one.
    pub next: Option<String>,
}

impl Store {
    /// Removes all items of `partition`; removing them twice is harmless.
    pub async fn erase(&self, partition: &Partition) -> Result<()> {
        let table = self.table(partition.table);
        loop {
            let query = self.db.query().consistent_read(true).projection_expression("pk, sk");
            let query = starting_with(query, &partition.pk, &partition.prefix);
            // Removed items are not found again, so every portion is the first one.
            let keys = table.first(query, PORTION).await?;
            if keys.is_empty() {
                return Ok(());
            }
            table.batch_delete(&keys).await?;
        }
    }

    /// Reads a partition in portions, in the order of its sort keys.
    pub async fn portion(&self, partition: &Partition, after: Option<String>) -> Result<Portion> {
        let table = self.table(partition.table);
        let start = after.map(|sk| {
            primary(&Key {
                pk: partition.pk.clone(),
                sk,
            })
        });
        let query = self
            .db
            .query()
            .table_name(table.name)
            .consistent_read(true)
            .set_exclusive_start_key(start);
        let answer = starting_with(query, &partition.pk, &partition.prefix)
            .send()
            .await
            .map_err(item::failed)?;
        let mut portion = Portion::default();
        for mut item in answer.items.unwrap_or_default() {
            item.remove("pk");
            unpack(&mut item)?;
            // JSON has no bytes; the only binary attributes are salts.
            item.retain(|_, value| !value.is_b());
            let key = item.remove("sk").and_then(|sk| sk.as_s().ok().cloned());
            portion.items.push((key.unwrap_or_default(), from_item(item)?));
        }
        portion.next = answer
            .last_evaluated_key
            .and_then(|key| key.get("sk")?.as_s().ok().cloned());
        Ok(portion)
    }

    fn table(&self, table: TableName) -> item::Table<'_> {
        let tables = self.tables();
        let name = match table {
            TableName::Identity => &tables.identity,
            TableName::App => &tables.app,
            TableName::Usage => &tables.usage,
        };
        item::Table { db: &self.db, name }
    }
}
