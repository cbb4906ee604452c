//! Files that clients upload directly to the bucket.
//!
//! Beginning an upload schedules a sweep of the bucket for when no file can arrive any more. Sweeps have a partition of
//! their own, sorted by due time: most of them are not due yet.

use domain::{
    Document, DocumentId, Entitlements, Error, OrgId, OutboxEntry, PendingUpload, Result, Timestamp,
    documents::outbox::OutboxStep, documents::pending_upload::UploadSweep, time::after,
};

use crate::{
    Store, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::item::{Transaction, failed, from_item, part, s, starting_with, to_item, transact, value},
};

/// Most sweeps in one run.
const MAX_SWEEPS: i32 = 250;

/// The pending uploads of one organization.
#[derive(Debug, Clone)]
pub struct PendingUploads {
    store: Store,
    org: OrgId,
}

/// Scheduled sweeps of files without a document, of all organizations.
#[derive(Debug, Clone)]
pub struct UploadSweeps(Store);

impl Store {
    /// Returns access to the pending uploads of `org`.
    pub fn pending_uploads(&self, org: &OrgId) -> PendingUploads {
        PendingUploads {
            store: self.clone(),
            org: org.clone(),
        }
    }

    /// Returns access to the scheduled sweeps of files without a document.
    pub fn upload_sweeps(&self) -> UploadSweeps {
        UploadSweeps(self.clone())
    }
}

impl PendingUploads {
    /// Begins an upload and schedules its sweep. Returns `false` if `plan` does not allow the document that it will
    /// become.
    pub async fn begin(&self, upload: &PendingUpload, own: &Entitlements) -> Result<bool> {
        let sweep = UploadSweep {
            org: self.org.clone(),
            document: upload.id.clone(),
            file: None,
            due_ms: after(upload.expires_at, PendingUpload::LATE_ARRIVAL).as_millisecond(),
        };
        let app = self.store.app();
        let mut parts = vec![
            app.part_put(to_item(&keys::pending_upload(&self.org, &upload.id), upload)?)?,
            app.part_put(to_item(&keys::upload_sweep(&sweep), &sweep)?)?,
        ];
        if let Some(document) = &upload.replaces {
            let documents = self.store.documents(&self.org);
            let sweep = documents.sweep_of(document, &upload.file_key(), upload.expires_at);
            parts.push(app.part_put(to_item(&keys::upload_sweep(&sweep), &sweep)?)?);
        }
        let one_more = share(upload, 1);
        match self
            .store
            .transact_counted(&self.org, parts, &one_more, Some(own))
            .await?
        {
            Counted::Done => Ok(true),
            Counted::Full(_) => Ok(false),
            Counted::Refused(_) => Err(Error::internal("an upload without conditions was refused")),
        }
    }

    /// Returns uploads that have expired without completion and still count as documents of their organization.
    pub async fn ended(&self, now: Timestamp) -> Result<Vec<PendingUpload>> {
        let query = self.store.db.query().table_name(&self.store.tables().app);
        let query = starting_with(query, &keys::tenant(&self.org), keys::PENDING_UPLOADS)
            .consistent_read(true)
            .filter_expression("expires_at <= :now AND attribute_not_exists(released)")
            .expression_attribute_values(":now", s(now.to_string()));
        let mut pages = query.into_paginator().items().send();
        let mut ended = Vec::new();
        while let Some(item) = pages.next().await {
            ended.push(from_item(item.map_err(failed)?)?);
        }
        Ok(ended)
    }

    /// Stops counting an expired upload, which frees its share of the plan. Returns whether this call did. The upload
    /// still exists, but can no longer be completed.
    pub async fn release(&self, upload: &PendingUpload) -> Result<bool> {
        let released = self
            .store
            .app()
            .part_update(&keys::pending_upload(&self.org, &upload.id))
            .update_expression("SET released = :released")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(released)")
            .expression_attribute_values(":released", value(&true)?);
        let one_less = share(upload, -1);
        let parts = vec![part(released)?];
        let written = self.store.transact_counted(&self.org, parts, &one_less, None).await?;
        Ok(written == Counted::Done)
    }

    /// Returns an upload that was not completed.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<PendingUpload>> {
        self.store.app().get(keys::pending_upload(&self.org, id)).await
    }

    /// Turns an upload into its document, which is to be indexed. Returns the outbox entry for that, or `None` if the
    /// upload was completed, removed, swept or no longer counts. The document takes over the upload's share of the
    /// plan.
    pub async fn complete(&self, document: &Document, now: Timestamp) -> Result<Option<OutboxEntry>> {
        let promise = OutboxEntry {
            document: document.id.clone(),
            org: self.org.clone(),
            step: OutboxStep::SendIndexMessage,
            created_ms: now.as_millisecond(),
        };
        let app = self.store.app();
        let mut parts = vec![
            app.part_delete_if(
                &keys::pending_upload(&self.org, &document.id),
                "attribute_exists(pk) AND attribute_not_exists(released)",
            )?,
            app.part_put_new(to_item(&keys::document(&self.org, &document.id), document)?)?,
            app.part_put(to_item(&keys::outbox(&promise.document), &promise)?)?,
        ];
        parts.extend(self.store.documents(&self.org).part_put_content(document)?);
        Ok((transact(&self.store.db, parts).await? == Transaction::Done).then_some(promise))
    }

    /// Removes an upload, which can no longer be completed and no longer counts.
    pub async fn remove(&self, id: &DocumentId) -> Result<()> {
        if let Some(upload) = self.get(id).await? {
            self.release(&upload).await?;
        }
        self.store.app().delete(&keys::pending_upload(&self.org, id)).await
    }
}

/// Returns the share of the plan that an upload takes (1) or gives back (-1).
fn share(upload: &PendingUpload, number: i64) -> ResourceChange {
    if upload.replaces.is_none() {
        return ResourceChange::document(number, upload.size_bytes);
    }
    ResourceChange::bytes(number * i64::try_from(upload.size_bytes).unwrap_or(i64::MAX))
}

impl UploadSweeps {
    /// Returns due sweeps, oldest first, a bounded number.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<UploadSweep>> {
        let query = self.0.db.query().consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND sk < :now")
            .expression_attribute_values(":pk", s(keys::UPLOAD_SWEEPS))
            .expression_attribute_values(":now", s(keys::sweeps_before(now.as_millisecond())));
        let due = self.0.app().first(query, MAX_SWEEPS).await?;
        due.into_iter().map(from_item).collect()
    }

    /// Removes a sweep that was done.
    pub async fn remove(&self, sweep: &UploadSweep) -> Result<()> {
        self.0.app().delete(&keys::upload_sweep(sweep)).await
    }
}
