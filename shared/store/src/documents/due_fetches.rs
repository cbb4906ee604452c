//! Fetches of pages that are due at a time, of all organizations: a partition sorted by due time.
//!
//! A document or crawl has its due time as an attribute, and the row with that time is written in the same transaction.
//! Whoever takes a due fetch moves it an hour into the future first, so that it is repeated if the worker fails.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{DueFetch, Result, Timestamp};

use crate::{
    Store, keys,
    table::item::{Transaction, from_item, n, part, s, to_item, transact},
};

/// Most fetches of one run.
const MAX_DUE: i32 = 500;

/// Fetches that are due at a time.
#[derive(Debug, Clone)]
pub struct DueFetches(Store);

impl Store {
    /// Returns access to the fetches that are due at a time.
    pub fn due_fetches(&self) -> DueFetches {
        DueFetches(self.clone())
    }

    /// Returns the parts that replace the row of one due time by that of another; `None`: no time.
    pub(crate) fn parts_move_due(
        &self,
        before: Option<&DueFetch>,
        after: Option<&DueFetch>,
    ) -> Result<Vec<TransactWriteItem>> {
        let table = self.app();
        let mut parts = Vec::new();
        if before == after {
            return Ok(parts);
        }
        if let Some(before) = before {
            parts.push(table.part_delete_any(&keys::due_fetch(before))?);
        }
        if let Some(after) = after {
            parts.push(table.part_put(to_item(&keys::due_fetch(after), after)?)?);
        }
        Ok(parts)
    }
}

impl DueFetches {
    /// Returns what is due, oldest first, a bounded number.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<DueFetch>> {
        let query = self.0.db.query().consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND sk < :now")
            .expression_attribute_values(":pk", s(keys::DUE_FETCHES))
            .expression_attribute_values(":now", s(keys::fetches_before(now.as_millisecond().saturating_add(1))));
        let due = self.0.app().first(query, MAX_DUE).await?;
        due.into_iter().map(from_item).collect()
    }

    /// Moves what is due to a later time. Returns it as it is then, or `None` if it is outdated and was removed.
    pub async fn claim(&self, due: &DueFetch, until_ms: i64) -> Result<Option<DueFetch>> {
        let table = self.0.app();
        let claimed = DueFetch {
            due_ms: until_ms,
            ..due.clone()
        };
        let update = table
            .part_update(&keys::fetch_target(due))
            .update_expression("SET due_ms = :until")
            .condition_expression("due_ms = :due")
            .expression_attribute_values(":until", n(until_ms))
            .expression_attribute_values(":due", n(due.due_ms));
        let mut parts = vec![part(update)?];
        parts.extend(self.0.parts_move_due(Some(due), Some(&claimed))?);
        if transact(&self.0.db, parts).await? == Transaction::Done {
            return Ok(Some(claimed));
        }
        // It was deleted or moved: then the row with the other time counts.
        table.delete(&keys::due_fetch(due)).await?;
        Ok(None)
    }
}
