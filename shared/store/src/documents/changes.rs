//! What has changed in the documents of an organization, by time: for those who remember what they have read of many.
//!
//! Each write that changes what answers depend on (segment, name, state, existence) also writes a row, in one
//! transaction. Rows are named by the clock of the writer before the transaction, so readers look back a little further
//! than they must.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{DocumentId, Result, Timestamp, time::after};

use super::Documents;
use crate::{
    keys,
    table::item::{Item, n, s},
    tables,
};

/// How long changes are remembered.
const KEPT: Duration = Duration::from_hours(24);
/// Most changes that are read at once: with more of them, reading all documents again costs no more.
const MAX_CHANGES: i32 = 1_000;

impl Documents {
    /// Returns the part that notes a change of a document.
    pub(super) fn part_note_change(&self, id: &DocumentId, now: Timestamp) -> Result<TransactWriteItem> {
        let key = keys::document_change(&self.org, now.as_millisecond(), id);
        let row = Item::from([
            ("pk".to_owned(), s(key.pk)),
            ("sk".to_owned(), s(key.sk)),
            (tables::TTL.to_owned(), n(after(now, KEPT).as_second())),
        ]);
        self.store.app().part_put(row)
    }

    /// Returns the documents that have changed since a time that is less than [`Self::CHANGES_KEPT`] ago; `None` if they
    /// are too many.
    pub async fn changed_since(&self, since: Timestamp) -> Result<Option<Vec<DocumentId>>> {
        let query = self
            .store
            .db
            .query()
            .consistent_read(true)
            .projection_expression("sk")
            .key_condition_expression("pk = :pk AND sk >= :since")
            .expression_attribute_values(":pk", s(keys::document_changes(&self.org)))
            .expression_attribute_values(":since", s(keys::changes_since(since.as_millisecond())));
        let rows = self.store.app().first(query, MAX_CHANGES).await?;
        if rows.len() >= usize::try_from(MAX_CHANGES).unwrap_or(usize::MAX) {
            return Ok(None);
        }
        let id = |row: Item| match row.get("sk") {
            Some(AttributeValue::S(sk)) => sk.split_once('#').map(|(_, id)| DocumentId(id.to_owned())),
            _ => None,
        };
        Ok(Some(rows.into_iter().filter_map(id).collect()))
    }

    /// How long ago [`Self::changed_since`] can look: a bit less than changes are kept.
    pub const CHANGES_KEPT: Duration = Duration::from_hours(20);
}
