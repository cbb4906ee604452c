//! Documents of one organization whose files have the same bytes, found by the hash of the content.
//!
//! A row for each document and hash is written with the document's file and deleted with the document, so one document
//! never depends on another.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{Document, DocumentId, Result};

use super::Documents;
use crate::{
    keys,
    table::item::{Item, s, starting_with},
};

/// Most documents with the same bytes that are looked at.
const MAX_FOUND: i32 = 20;

impl Documents {
    /// Returns the part that makes a document findable by its content; `None` as long as it has no file.
    pub(super) fn part_put_content(&self, document: &Document) -> Result<Option<TransactWriteItem>> {
        let Some(key) = self.content_key(document) else {
            return Ok(None);
        };
        let row = Item::from([("pk".to_owned(), s(key.pk)), ("sk".to_owned(), s(key.sk))]);
        self.store.app().part_put(row).map(Some)
    }

    /// Returns the part that undoes [`Self::part_put_content`].
    pub(super) fn part_delete_content(&self, document: &Document) -> Result<Option<TransactWriteItem>> {
        let key = self.content_key(document);
        key.map(|key| self.store.app().part_delete_any(&key)).transpose()
    }

    /// Returns other documents whose files have the same bytes, oldest first, a bounded number.
    pub async fn with_same_content(&self, document: &Document) -> Result<Vec<DocumentId>> {
        if document.sha256.is_empty() {
            return Ok(Vec::new());
        }
        let prefix = keys::documents_with_content(&document.sha256);
        let query = self.store.db.query().consistent_read(true).projection_expression("sk");
        let query = starting_with(query, &keys::tenant(&self.org), &prefix);
        let rows = self.store.app().first(query, MAX_FOUND).await?;
        let id = |row: Item| match row.get("sk") {
            Some(AttributeValue::S(sk)) => sk.strip_prefix(&prefix).map(|id| DocumentId(id.to_owned())),
            _ => None,
        };
        Ok(rows
            .into_iter()
            .filter_map(id)
            .filter(|id| *id != document.id)
            .collect())
    }

    fn content_key(&self, document: &Document) -> Option<keys::Key> {
        let has_file = !document.sha256.is_empty();
        has_file.then(|| keys::content(&self.org, &document.sha256, &document.id))
    }
}
