//! Versions of documents. A document that never had another file has no rows for them.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use domain::{
    AuditEntry, Document, DocumentId, DocumentStatus, DocumentVersion, Entitlements, IndexFailure, OutboxEntry,
    PendingUpload, PlanLimit, Result, Timestamp, WebSource, documents::pending_upload::UploadSweep, time::after,
};

use super::{
    Documents,
    lease::{CHECKPOINT_PERCENT, INTERRUPTED, READER_DEATHS},
};
use crate::{
    Partition, TableName, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::item::{ITEM_EXISTS, Transaction, conditional, n, part, s, to_item, value},
};

/// A version to add to a document.
#[derive(Debug)]
pub struct NewVersion<'a> {
    /// The version.
    pub version: &'a DocumentVersion,
    /// An older one that is no longer kept.
    pub dropped: Option<&'a DocumentVersion>,
    /// The upload that it was announced as, which counts its bytes already.
    pub upload: Option<&'a DocumentId>,
    /// Has it indexed.
    pub promise: &'a OutboxEntry,
    /// The limits that must allow its bytes.
    pub own: &'a Entitlements,
    /// What the page says about itself that it was fetched from.
    pub web: Option<&'a WebSource>,
    /// The audit entry.
    pub entry: &'a AuditEntry,
}

/// The outcome of adding a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionAdded {
    /// It was added, and is to be indexed.
    Done,
    /// Not added: the document has changed since it was read.
    Changed,
    /// Not added: the upload was completed, removed or has expired.
    UploadEnded,
    /// Not added: the plan allows no more.
    Full(PlanLimit),
}

impl Documents {
    /// Returns the versions of a document that are kept, newest first.
    pub async fn versions(&self, document: &Document) -> Result<Vec<DocumentVersion>> {
        if document.latest_version == 1 {
            return Ok(vec![document.only_version()]);
        }
        let prefix = keys::document_versions(&document.id);
        let mut found: Vec<DocumentVersion> = self.store.app().all_below(&keys::tenant(&self.org), &prefix).await?;
        found.reverse();
        Ok(found)
    }

    /// Returns a version of a document that is kept.
    pub async fn version(&self, document: &Document, number: u32) -> Result<Option<DocumentVersion>> {
        if document.latest_version == 1 {
            return Ok(Some(document.only_version()).filter(|version| version.number == number));
        }
        let key = keys::document_version(&self.org, &document.id, number);
        self.store.app().get(key).await
    }

    /// Adds a version to a document as it was read, with an audit entry, and requests that it be indexed. The one in use stays in use until
    /// then.
    pub async fn add_version(&self, document: &Document, new: NewVersion<'_>, now: Timestamp) -> Result<VersionAdded> {
        let app = self.store.app();
        let (added, dropped) = (new.version.size_bytes, new.dropped.map_or(0, |old| old.size_bytes));
        let kept = (document.stored_bytes() + added).saturating_sub(dropped);
        let set = match new.web {
            None => "latest_version = :wanted, kept_bytes = :kept, ",
            Some(_) => "latest_version = :wanted, kept_bytes = :kept, web = :web, ",
        };
        let update = self.request_version(document, new.version.number, now, set)?;
        let mut update = update.expression_attribute_values(":kept", n(kept));
        if let Some(web) = new.web {
            update = update.expression_attribute_values(":web", value(web)?);
        }
        let row = |version: &DocumentVersion| {
            to_item(
                &keys::document_version(&self.org, &document.id, version.number),
                version,
            )
        };
        let mut parts = vec![
            part(update)?,
            app.part_put_new(row(new.version)?)?,
            app.part_put(to_item(&keys::outbox(&document.id), new.promise)?)?,
        ];
        if document.latest_version == 1 {
            parts.push(app.part_put(row(&document.only_version())?)?);
        }
        if let Some(old) = new.dropped {
            let sweep = self.sweep_of(&document.id, &old.source, now);
            parts.push(app.part_delete(&keys::document_version(&self.org, &document.id, old.number), None)?);
            parts.push(app.part_put(to_item(&keys::upload_sweep(&sweep), &sweep)?)?);
            if old.sha256 != new.version.sha256 && old.sha256 != document.sha256 {
                let row = keys::content(&self.org, &old.sha256, &document.id);
                parts.push(app.part_delete_any(&row)?);
            }
        }
        let with_file = Document {
            sha256: new.version.sha256.clone(),
            ..document.clone()
        };
        parts.extend(self.part_put_content(&with_file)?);
        let upload_part = parts.len();
        if let Some(upload) = new.upload {
            let completed = app
                .part_update(&keys::pending_upload(&self.org, upload))
                .update_expression("SET released = :yes, completed = :yes")
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(released)")
                .expression_attribute_values(":yes", value(&true)?);
            parts.push(part(completed)?);
        }
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let more = if new.upload.is_some() { 0 } else { signed(added) };
        let change = ResourceChange::bytes(more - signed(dropped));
        let own = new.upload.is_none().then_some(new.own);
        let written = self
            .store
            .transact_counted_audited(&self.org, parts, &change, own, Some(new.entry));
        let counted = written.await?;
        Ok(match counted {
            Counted::Done => VersionAdded::Done,
            Counted::Refused(refused) if refused == upload_part => VersionAdded::UploadEnded,
            Counted::Refused(_) => VersionAdded::Changed,
            Counted::Full(limit) => VersionAdded::Full(limit),
        })
    }

    /// Requests that a kept version be indexed and replace the one in use, with an audit entry. Returns `false` if the document has changed
    /// since it was read, and nothing was written.
    pub async fn restore_version(
        &self,
        document: &Document,
        number: u32,
        promise: &OutboxEntry,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<bool> {
        let app = self.store.app();
        let parts = vec![
            part(self.request_version(document, number, now, "")?)?,
            app.part_put(to_item(&keys::outbox(&document.id), promise)?)?,
        ];
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Records why a version could not be indexed, or that it could. The version may be gone.
    pub async fn record_version(&self, id: &DocumentId, number: u32, failure: Option<&IndexFailure>) -> Result<()> {
        let update = self
            .store
            .app()
            .update(&keys::document_version(&self.org, id, number))
            .condition_expression(ITEM_EXISTS);
        let update = match failure {
            None => update.update_expression("REMOVE failure"),
            Some(failure) => update
                .update_expression("SET failure = :failure")
                .expression_attribute_values(":failure", value(failure)?),
        };
        conditional(update).await.map(|_| ())
    }

    /// Schedules the removal of a file that may never become a version.
    pub async fn sweep_later(&self, id: &DocumentId, file: &str, now: Timestamp) -> Result<()> {
        let sweep = self.sweep_of(id, file, now);
        self.store
            .app()
            .put(to_item(&keys::upload_sweep(&sweep), &sweep)?)
            .await
    }

    /// Removes the versions of a deleted document, and the rows that find it by them. Idempotent.
    pub async fn erase_versions(&self, id: &DocumentId) -> Result<()> {
        let (tenant, prefix) = (keys::tenant(&self.org), keys::document_versions(id));
        let versions: Vec<DocumentVersion> = self.store.app().all_below(&tenant, &prefix).await?;
        for version in versions {
            let row = keys::content(&self.org, &version.sha256, id);
            self.store.app().delete(&row).await?;
        }
        self.store.erase(&Partition::part(TableName::App, tenant, prefix)).await
    }

    pub(super) fn sweep_of(&self, id: &DocumentId, file: &str, from: Timestamp) -> UploadSweep {
        UploadSweep {
            org: self.org.clone(),
            document: id.clone(),
            file: Some(file.to_owned()),
            due_ms: after(from, PendingUpload::LATE_ARRIVAL).as_millisecond(),
        }
    }

    /// Begins the update that has a version indexed. A worker that is indexing the document loses its lease.
    fn request_version(&self, document: &Document, number: u32, now: Timestamp, set: &str) -> Result<UpdateBuilder> {
        let latest = if document.latest_version == 1 {
            "(attribute_not_exists(latest_version) OR latest_version = :latest)"
        } else {
            "latest_version = :latest"
        };
        let update = self
            .store
            .app()
            .part_update(&keys::document(&self.org, &document.id))
            .update_expression(format!(
                "SET {set}wanted_version = :wanted, want = :next, #status = :pending, progress = :zero, \
                 updated_at = :now REMOVE failure, failed_version, lease_holder, lease_ms, checkpoint, \
                 {CHECKPOINT_PERCENT}, {INTERRUPTED}, {READER_DEATHS}"
            ))
            .condition_expression(format!("want = :want AND done = :done AND {latest}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":want", n(document.want))
            .expression_attribute_values(":done", n(document.done))
            .expression_attribute_values(":latest", n(document.latest_version))
            .expression_attribute_values(":wanted", n(number))
            .expression_attribute_values(":next", n(document.want + 1))
            .expression_attribute_values(":pending", value(&DocumentStatus::Pending)?)
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":now", s(now.to_string()));
        Ok(update)
    }
}
