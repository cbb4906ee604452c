//! Documents of an organization.

pub(crate) mod crawls;
pub(crate) mod due_fetches;
pub(crate) mod objects;
pub(crate) mod outbox;
pub(crate) mod pending_uploads;

mod changes;
mod details;
mod duplicates;
mod embedding;
mod fetched;
mod lease;
mod refresh;
mod reindex;
mod versions;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use domain::{
    AuditEntry, CrawlId, Document, DocumentId, DocumentStatus, Entitlements, Error, OrgId, OutboxEntry, Page,
    PageRequest, PendingUpload, PlanLimit, Purge, Result, Timestamp, UserId, documents::outbox::OutboxStep,
    documents::pending_upload::UploadSweep, time::after,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    Store, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::item::{Item, ListFilter, from_item, n, primary, s, to_item, value},
};

pub use details::DocumentChange;
pub use fetched::FileStored;
pub use lease::{Attempts, Lease, Outcome};
pub use refresh::Checked;
pub use versions::{NewVersion, VersionAdded};

/// The documents of one organization.
#[derive(Debug, Clone)]
pub struct Documents {
    store: Store,
    org: OrgId,
}

/// Most items of one batch.
const MAX_BATCH: usize = 100;
/// Batches read at the same time.
const PARALLEL_BATCHES: usize = 8;

/// Which documents a list contains; all those that match every given condition.
#[derive(Debug, Clone, Default)]
pub struct DocumentFilter {
    /// Only those that this user uploaded.
    pub uploader: Option<UserId>,
    /// Only those in this state.
    pub status: Option<DocumentStatus>,
    /// Only those with this tag, normalized.
    pub tag: Option<String>,
    /// Only those of this crawl.
    pub crawl: Option<CrawlId>,
}

/// The outcome of acknowledging an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadAccepted {
    /// The document was created.
    Done,
    /// Not created: the upload took too long and was abandoned.
    Abandoned,
    /// Not created: the plan allows no more.
    Full,
}

impl Store {
    /// Returns access to the documents of `org`.
    pub fn documents(&self, org: &OrgId) -> Documents {
        Documents {
            store: self.clone(),
            org: org.clone(),
        }
    }
}

impl Documents {
    /// Returns the limit of `plan` that a document of this size would exceed, as far as known before it is stored.
    pub async fn exceeded(&self, size_bytes: u64, own: &Entitlements) -> Result<Option<PlanLimit>> {
        let one_more = ResourceChange::document(1, size_bytes);
        self.store.exceeded_resources(&self.org, &one_more, own).await
    }

    /// Acknowledges an upload, if `plan` allows one more document: it becomes visible, and its outbox entry changes
    /// from "clean up" to "index".
    pub async fn accept(
        &self,
        document: &Document,
        promise: &OutboxEntry,
        own: &Entitlements,
    ) -> Result<UploadAccepted> {
        let table = &self.store.tables().app;
        let item = to_item(&keys::document(&self.org, &document.id), document)?;
        let step = Update::builder()
            .table_name(table)
            .set_key(Some(primary(&keys::outbox(&promise.document))))
            .update_expression("SET step = :step")
            .condition_expression("step = :abandon")
            .expression_attribute_values(":abandon", value(&OutboxStep::AbandonUpload)?)
            .expression_attribute_values(":step", value(&OutboxStep::SendIndexMessage)?)
            .build();
        let mut parts = vec![
            self.store.app().part_put_new(item)?,
            TransactWriteItem::builder()
                .update(step.map_err(Error::internal)?)
                .build(),
        ];
        parts.extend(self.part_put_content(document)?);
        let due = self.due(document, document.due_ms);
        parts.extend(self.store.parts_move_due(None, due.as_ref())?);
        let one_more = ResourceChange::document(1, document.size_bytes);
        Ok(
            match self
                .store
                .transact_counted(&self.org, parts, &one_more, Some(own))
                .await?
            {
                Counted::Done => UploadAccepted::Done,
                Counted::Refused(_) => UploadAccepted::Abandoned,
                Counted::Full(_) => UploadAccepted::Full,
            },
        )
    }

    /// Returns the part that deletes a document on the condition that its files are those that were read.
    fn part_delete_unchanged(&self, document: &Document) -> Result<TransactWriteItem> {
        let key = keys::document(&self.org, &document.id);
        let table = self.store.app();
        match document.kept_bytes {
            None => {
                let condition = "sha256 = :sha AND attribute_not_exists(kept_bytes)";
                table.part_delete_where(&key, condition, [(":sha", s(&document.sha256))])
            }
            Some(kept) => {
                let condition = "sha256 = :sha AND kept_bytes = :kept";
                table.part_delete_where(&key, condition, [(":sha", s(&document.sha256)), (":kept", n(kept))])
            }
        }
    }

    /// Deletes a document, with an audit entry: it is invisible at once and no longer counts. An outbox entry has its files removed, and another
    /// one those that a worker still writes, once none can arrive any more. Returns `false` if it was deleted or got
    /// another file since it was read, and nothing was written.
    pub async fn delete(&self, document: &Document, entry: &AuditEntry, now: Timestamp) -> Result<bool> {
        let purge = Purge::Document {
            org_id: self.org.clone(),
            document_id: document.id.clone(),
        };
        let app = self.store.app();
        let sweep = UploadSweep {
            org: self.org.clone(),
            document: document.id.clone(),
            file: None,
            due_ms: after(now, PendingUpload::LATE_ARRIVAL).as_millisecond(),
        };
        let mut parts = vec![
            self.part_delete_unchanged(document)?,
            app.part_put(to_item(&keys::upload_sweep(&sweep), &sweep)?)?,
            self.store.part_purge_entry(&purge, now.as_millisecond())?,
            self.part_note_change(&document.id, now)?,
        ];
        parts.extend(self.part_delete_content(document)?);
        let due = self.due(document, document.due_ms);
        parts.extend(self.store.parts_move_due(due.as_ref(), None)?);
        let one_less = ResourceChange::document(-1, document.stored_bytes());
        let deleted = self
            .store
            .transact_counted_audited(&self.org, parts, &one_less, None, Some(entry));
        Ok(deleted.await? == Counted::Done)
    }

    /// Returns one document.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>> {
        self.store.app().get(keys::document(&self.org, id)).await
    }

    /// Lists the documents that pass a filter, newest first.
    pub async fn list(&self, page: &PageRequest, filter: &DocumentFilter) -> Result<Page<Document>> {
        let mut narrow = ListFilter::default();
        if let Some(user) = &filter.uploader {
            narrow = narrow.and("#by = :user", ("#by", "created_by"), (":user", s(user.as_str())));
        }
        if let Some(status) = &filter.status {
            narrow = narrow.and("#status = :status", ("#status", "status"), (":status", value(status)?));
        }
        if let Some(tag) = &filter.tag {
            narrow = narrow.and("contains(#tags, :tag)", ("#tags", "tags"), (":tag", s(tag)));
        }
        if let Some(crawl) = &filter.crawl {
            narrow = narrow.and("#crawl = :crawl", ("#crawl", "crawl"), (":crawl", s(crawl.as_str())));
        }
        let found = self
            .store
            .app()
            .list(keys::tenant(&self.org), keys::DOCUMENTS, page, narrow)
            .await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Returns the documents among `ids` that exist in this organization, in the order of `ids`.
    pub async fn get_many(&self, ids: &[DocumentId]) -> Result<Vec<Document>> {
        let mut batches = Vec::new();
        for ids in ids.chunks(MAX_BATCH) {
            let keys: Vec<_> = ids.iter().map(|id| keys::document(&self.org, id)).collect();
            batches.push(async move { self.store.app().batch_get(&keys, false).await });
        }
        let items: Vec<Vec<Item>> = stream::iter(batches).buffered(PARALLEL_BATCHES).try_collect().await?;
        let found = items.into_iter().flatten().map(from_item);
        let mut found = found.collect::<Result<Vec<Document>>>()?;
        let places: HashMap<&DocumentId, usize> = ids.iter().zip(0..).collect();
        found.sort_by_key(|document| places.get(&document.id).copied());
        Ok(found)
    }
}
