//! Files that clients put into the bucket by themselves.
//!
//! An upload is begun with the promise to look into the bucket when no file can arrive for it any more. Sweeps have a
//! partition of their own, sorted by when they are due: most of what is in it is not due yet.

use domain::{
    Document, DocumentId, Error, OrgId, OutboxEntry, PendingUpload, Plan, Result, Timestamp,
    documents::outbox::OutboxStep, documents::pending_upload::UploadSweep, time::after,
};

use crate::{
    Store, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::item::{Transaction, failed, from_item, part, s, starting_with, to_item, transact, value},
};

/// Most sweeps in one run.
const MAX_SWEEPS: i32 = 250;

/// The announced files of one organization.
#[derive(Debug, Clone)]
pub struct PendingUploads {
    store: Store,
    org: OrgId,
}

/// Promises to look for files that no document has, of all organizations.
#[derive(Debug, Clone)]
pub struct UploadSweeps(Store);

impl Store {
    /// The announced files of `org`.
    pub fn pending_uploads(&self, org: &OrgId) -> PendingUploads {
        PendingUploads {
            store: self.clone(),
            org: org.clone(),
        }
    }

    /// Promises to look for files that no document has.
    pub fn upload_sweeps(&self) -> UploadSweeps {
        UploadSweeps(self.clone())
    }
}

impl PendingUploads {
    /// Notes an upload, and that the bucket has to be looked at after it; answers `false` when `plan` does not allow the
    /// document that it will be.
    pub async fn begin(&self, upload: &PendingUpload, plan: Plan) -> Result<bool> {
        let sweep = UploadSweep {
            org: self.org.clone(),
            document: upload.id.clone(),
            due_ms: after(upload.expires_at, PendingUpload::LATE_ARRIVAL).as_millisecond(),
        };
        let app = self.store.app();
        let parts = vec![
            app.part_put(to_item(&keys::pending_upload(&self.org, &upload.id), upload)?)?,
            app.part_put(to_item(&keys::upload_sweep(&sweep), &sweep)?)?,
        ];
        let one_more = ResourceChange::document(1, upload.size_bytes);
        match self
            .store
            .transact_counted(&self.org, parts, &one_more, Some(plan))
            .await?
        {
            Counted::Done => Ok(true),
            Counted::Full(_) => Ok(false),
            Counted::Refused(_) => Err(Error::internal("an upload without conditions was refused")),
        }
    }

    /// Uploads that have ended, were not completed, and still count as documents of their organization.
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

    /// Has an upload that has ended count no more, so that others have its room; answers whether this call did. It is
    /// still there, and can no longer be completed.
    pub async fn release(&self, upload: &PendingUpload) -> Result<bool> {
        let released = self
            .store
            .app()
            .part_update(&keys::pending_upload(&self.org, &upload.id))
            .update_expression("SET released = :released")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(released)")
            .expression_attribute_values(":released", value(&true)?);
        let one_less = ResourceChange::document(-1, upload.size_bytes);
        let parts = vec![part(released)?];
        let written = self.store.transact_counted(&self.org, parts, &one_less, None).await?;
        Ok(written == Counted::Done)
    }

    /// An upload that was not completed.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<PendingUpload>> {
        self.store.app().get(keys::pending_upload(&self.org, id)).await
    }

    /// Turns an upload into its document, which is to be indexed; returns the promise to do so, and `None` if the
    /// upload is not there any more, because it was completed, removed or swept, or has given its room to others. The
    /// document has the room that the upload had.
    pub async fn complete(&self, document: &Document, now: Timestamp) -> Result<Option<OutboxEntry>> {
        let promise = OutboxEntry {
            document: document.id.clone(),
            org: self.org.clone(),
            step: OutboxStep::SendIndexMessage,
            created_ms: now.as_millisecond(),
        };
        let app = self.store.app();
        let parts = vec![
            app.part_delete_if(
                &keys::pending_upload(&self.org, &document.id),
                "attribute_exists(pk) AND attribute_not_exists(released)",
            )?,
            app.part_put_new(to_item(&keys::document(&self.org, &document.id), document)?)?,
            app.part_put(to_item(&keys::outbox(&promise.document), &promise)?)?,
        ];
        Ok((transact(&self.store.db, parts).await? == Transaction::Done).then_some(promise))
    }

    /// Removes an upload, so that it cannot be completed any more. It no longer counts.
    pub async fn remove(&self, id: &DocumentId) -> Result<()> {
        if let Some(upload) = self.get(id).await? {
            self.release(&upload).await?;
        }
        self.store.app().delete(&keys::pending_upload(&self.org, id)).await
    }
}

impl UploadSweeps {
    /// Sweeps that are due, the oldest first, a bounded number.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<UploadSweep>> {
        let query = self.0.db.query().consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND sk < :now")
            .expression_attribute_values(":pk", s(keys::UPLOAD_SWEEPS))
            .expression_attribute_values(":now", s(keys::sweeps_before(now.as_millisecond())));
        let due = self.0.app().first(query, MAX_SWEEPS).await?;
        due.into_iter().map(from_item).collect()
    }

    /// It was done.
    pub async fn remove(&self, sweep: &UploadSweep) -> Result<()> {
        self.0.app().delete(&keys::upload_sweep(sweep)).await
    }
}
