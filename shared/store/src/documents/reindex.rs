//! Requesting another generation of a document's index.

use domain::{Document, DocumentStatus, OutboxEntry, Result, Timestamp};

use super::{
    Documents,
    lease::{INTERRUPTED, READER_DEATHS},
};
use crate::{
    keys,
    table::item::{Transaction, n, part, s, to_item, transact, value},
};

impl Documents {
    /// Requests that a document be indexed again, with an outbox entry that has it queued. `document` is the document as
    /// it was read; its current segment stays in use until the new one is finished. Attempts at an earlier generation
    /// that failed no longer count. Returns `false` if the document has changed since, and nothing was written.
    pub async fn request_reindex(&self, document: &Document, promise: &OutboxEntry, now: Timestamp) -> Result<bool> {
        let app = self.store.app();
        let update = app
            .part_update(&keys::document(&self.org, &document.id))
            .update_expression(format!(
                "SET want = :next, #status = :pending, progress = :zero, updated_at = :now \
                 REMOVE failure, lease_holder, lease_ms, {INTERRUPTED}, {READER_DEATHS}"
            ))
            .condition_expression("want = :want AND done = :done AND #status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":want", n(document.want))
            .expression_attribute_values(":done", n(document.done))
            .expression_attribute_values(":next", n(document.done + 1))
            .expression_attribute_values(":status", value(&document.status)?)
            .expression_attribute_values(":pending", value(&DocumentStatus::Pending)?)
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":now", s(now.to_string()));
        let promise = to_item(&keys::outbox(&promise.document), promise)?;
        let parts = vec![
            part(update)?,
            app.part_put(promise)?,
            self.part_note_change(&document.id, now)?,
        ];
        Ok(matches!(transact(&self.store.db, parts).await?, Transaction::Done))
    }
}
