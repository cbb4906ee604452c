//! Batch calls. A table may process a part of a batch only; the rest is requested again after a pause.

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, WriteRequest};
use domain::{Error, Result};

use crate::{
    keys::Key,
    table::backoff::Backoff,
    table::item::{Item, Table, failed, primary},
};

/// Most deletions of one call
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
const MAX_WRITES: usize = 25;

impl Table<'_> {
    /// Returns the items among `keys` (at most 100, each once) that exist, in no particular order. Strongly consistent.
    pub(crate) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>> {
        self.batch_get(keys, true).await
    }

    /// Returns the items among `keys` (at most 100, each once) that exist, in no particular order. Reads that are not
    /// `consistent` cost half, and may miss what was written within the last second.
    pub(crate) async fn batch_get(&self, keys: &[Key], consistent: bool) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        let mut pending: Vec<Item> = keys.iter().map(primary).collect();
        let mut backoff = Backoff::default();
        while !pending.is_empty() {
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut pending)))
                .consistent_read(consistent)
                .build()
                .map_err(Error::internal)?;
            let read = self.db.batch_get_item().request_items(self.name, wanted);
            let answer = read.send().await.map_err(failed)?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let left = answer.unprocessed_keys.and_then(|mut left| left.remove(self.name));
            pending.extend(left.into_iter().flat_map(|left| left.keys));
            if !pending.is_empty() && !backoff.wait().await? {
                return Err(Error::unavailable("the table left keys unread"));
            }
        }
        Ok(found)
    }

    /// Deletes the items at these primary keys; deleting twice is harmless.
    pub(crate) async fn batch_delete(&self, keys: &[Item]) -> Result<()> {
        for batch in keys.chunks(MAX_WRITES) {
            let deletes = batch.iter().map(|key| {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build();
                delete.map(|delete| WriteRequest::builder().delete_request(delete).build())
            });
            let mut left = deletes.collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
            let mut backoff = Backoff::default();
            while !left.is_empty() {
                let write = self.db.batch_write_item().request_items(self.name, left);
                let answer = write.send().await.map_err(failed)?;
                left = answer
                    .unprocessed_items
                    .unwrap_or_default()
                    .remove(self.name)
                    .unwrap_or_default();
                if !left.is_empty() && !backoff.wait().await? {
                    return Err(Error::unavailable("the table did not take all deletions"));
                }
            }
        }
        Ok(())
    }
}
