//! The outbox: work that must be done even after a crash.

use domain::{DocumentId, OutboxEntry, Result, documents::outbox::OutboxStep};

use crate::{
    Store, keys,
    table::item::{conditional, from_item, to_item, value},
};

/// Outbox entries by document.
#[derive(Debug, Clone)]
pub struct Outbox(Store);

impl Store {
    /// Returns access to the outbox.
    pub fn outbox(&self) -> Outbox {
        Outbox(self.clone())
    }
}

impl Outbox {
    /// Stores an entry. Returns whether it is new.
    pub async fn put(&self, entry: &OutboxEntry) -> Result<bool> {
        self.0
            .app()
            .put_new(to_item(&keys::outbox(&entry.document), entry)?)
            .await
    }

    /// Abandons an upload, which cannot be acknowledged any more. Returns `false` if it was already acknowledged or
    /// finished.
    pub async fn give_up(&self, document: &DocumentId) -> Result<bool> {
        let update = self
            .0
            .app()
            .update(&keys::outbox(document))
            .update_expression("SET step = :remove")
            .condition_expression("step IN (:abandon, :remove)")
            .expression_attribute_values(":abandon", value(&OutboxStep::AbandonUpload)?)
            .expression_attribute_values(":remove", value(&OutboxStep::RemoveUpload)?);
        Ok(conditional(update).await?.is_some())
    }

    /// Removes the entry, whose work is done.
    pub async fn remove(&self, document: &DocumentId) -> Result<()> {
        self.0.app().delete(&keys::outbox(document)).await
    }

    /// Returns entries created before `before_ms` (milliseconds since the Unix epoch), oldest first, a bounded number
    /// from each shard.
    pub async fn due(&self, before_ms: i64) -> Result<Vec<OutboxEntry>> {
        let mut due = Vec::new();
        for shard in 0..keys::OUTBOX_SHARDS {
            let pk = keys::outbox_shard(shard);
            for item in self.0.app().created_before(&pk, before_ms).await? {
                due.push(from_item(item)?);
            }
        }
        Ok(due)
    }
}
