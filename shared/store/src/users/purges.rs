//! Outbox entries for removing deleted data.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Purge, Result};
use serde::{Deserialize, Serialize};

use crate::{
    Store, keys,
    table::item::{from_item, to_item},
};

/// Scheduled erasures.
#[derive(Debug, Clone)]
pub struct Purges(Store);

#[derive(Serialize, Deserialize)]
struct Promise {
    purge: Purge,
    created_ms: i64,
}

impl Store {
    /// Returns access to scheduled erasures.
    pub fn purges(&self) -> Purges {
        Purges(self.clone())
    }

    /// Returns the entry as a part of the transaction that makes the data invisible. Repeating it is harmless.
    pub(crate) fn part_purge_entry(&self, purge: &Purge, now_ms: i64) -> Result<TransactWriteItem> {
        let promise = Promise {
            purge: purge.clone(),
            created_ms: now_ms,
        };
        self.app().part_put(to_item(&keys::purge(&purge.id()), &promise)?)
    }
}

impl Purges {
    /// Removes the entry of a finished erasure.
    pub async fn remove(&self, purge: &Purge) -> Result<()> {
        self.0.app().delete(&keys::purge(&purge.id())).await
    }

    /// Returns entries created before `before_ms` (milliseconds since the Unix epoch), a bounded number.
    pub async fn due(&self, before_ms: i64) -> Result<Vec<Purge>> {
        let promises = self.0.app().created_before(keys::PURGES, before_ms).await?;
        let purge = |item| Ok(from_item::<Promise>(item)?.purge);
        promises.into_iter().map(purge).collect()
    }
}
