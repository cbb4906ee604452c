//! Pages of documents that are fetched again.

use domain::{
    AuditEntry, Document, DueFetch, FetchTarget, RefreshInterval, Result, Timestamp, WebSource,
    documents::refresh::PageCheck,
};

use super::Documents;
use crate::{
    keys,
    table::changes::Changes,
    table::item::{Transaction, n, part, s, transact, value},
};

/// What a fetch of a document's page has shown.
#[derive(Debug)]
pub struct Checked<'a> {
    /// The result.
    pub check: &'a PageCheck,
    /// What the page says about itself now; `None` if that is as before.
    pub web: Option<&'a WebSource>,
    /// When it is next due, milliseconds since the Unix epoch.
    pub due_ms: Option<i64>,
}

impl Documents {
    /// Returns the row of a document's due time.
    pub(super) fn due(&self, document: &Document, due_ms: Option<i64>) -> Option<DueFetch> {
        due_ms.map(|due_ms| DueFetch {
            org_id: self.org.clone(),
            target: FetchTarget::Document {
                document_id: document.id.clone(),
            },
            due_ms,
        })
    }

    /// Records that the page of a document, as it was read, was fetched again, and when that is next due. Returns `false`
    /// if that was changed meanwhile, or the document deleted, and nothing was written.
    pub async fn record_check(&self, document: &Document, checked: &Checked<'_>) -> Result<bool> {
        let mut changes = Changes::default().set("check", value(checked.check)?);
        if let Some(web) = checked.web {
            changes = changes.set("web", value(web)?);
        }
        self.move_due(document, changes, checked.due_ms, None).await
    }

    /// Sets how often the page of a document, as it was read, is fetched again, with an audit entry. Returns `false` if
    /// it was changed meanwhile, and nothing was written.
    pub async fn set_refresh(
        &self,
        document: &Document,
        every: Option<RefreshInterval>,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<bool> {
        let changes = Changes::default().set("updated_at", s(now.to_string()));
        let changes = match every {
            Some(every) => changes.set("refresh_every", value(&every)?),
            None => changes.remove("refresh_every"),
        };
        let due_ms = every.map(|every| every.next_ms(now));
        self.move_due(document, changes, due_ms, Some(entry)).await
    }

    async fn move_due(
        &self,
        document: &Document,
        changes: Changes,
        due_ms: Option<i64>,
        entry: Option<&AuditEntry>,
    ) -> Result<bool> {
        let update = self.store.app().part_update(&keys::document(&self.org, &document.id));
        let update = match document.due_ms {
            None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(due_ms)"),
            Some(before) => update
                .condition_expression("due_ms = :before")
                .expression_attribute_values(":before", n(before)),
        };
        let changes = match due_ms {
            Some(due_ms) => changes.set("due_ms", n(due_ms)),
            None => changes.remove("due_ms"),
        };
        let mut parts = vec![part(changes.on(update))?];
        let (before, after) = (self.due(document, document.due_ms), self.due(document, due_ms));
        parts.extend(self.store.parts_move_due(before.as_ref(), after.as_ref())?);
        let written = match entry {
            Some(entry) => self.store.transact_audited(entry, parts).await?,
            None => transact(&self.store.db, parts).await?,
        };
        Ok(written == Transaction::Done)
    }
}
