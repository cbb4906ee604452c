//! What users say about a document: its name, description and tags.

use domain::{AuditEntry, DocumentId, Result, Timestamp};

use super::Documents;
use crate::{
    keys,
    table::{
        changes::Changes,
        item::{ITEM_EXISTS, Transaction, part, s, value},
    },
};

/// A change of what users say about a document. Absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentChange {
    /// New name.
    pub name: Option<String>,
    /// New description; an empty one removes it.
    pub description: Option<String>,
    /// New tags, normalized; an empty list removes them.
    pub tags: Option<Vec<String>>,
}

impl Documents {
    /// Changes a document, with an audit entry. Returns `false` if it does not exist. The state of its indexing is
    /// untouched, whatever a worker does meanwhile.
    pub async fn update(
        &self,
        id: &DocumentId,
        change: &DocumentChange,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .store
            .app()
            .part_update(&keys::document(&self.org, id))
            .condition_expression(ITEM_EXISTS);
        let mut changes = Changes::default()
            .set("updated_at", s(now.to_string()))
            .set_if("name", change.name.as_ref().map(s));
        changes = match change.description.as_deref() {
            Some("") => changes.remove("description"),
            description => changes.set_if("description", description.map(s)),
        };
        changes = match change.tags.as_deref() {
            Some([]) => changes.remove("tags"),
            tags => changes.set_if("tags", tags.map(|tags| value(&tags)).transpose()?),
        };
        let parts = vec![part(changes.on(update))?, self.part_note_change(id, now)?];
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }
}
