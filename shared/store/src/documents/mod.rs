//! Documents of an organization.

pub(crate) mod objects;
pub(crate) mod outbox;
pub(crate) mod pending_uploads;

mod lease;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use domain::{
    Document, DocumentId, Error, OrgId, OutboxEntry, Page, PageRequest, PendingUpload, Plan, PlanLimit, Result,
    Timestamp, UserId, documents::outbox::OutboxStep, documents::pending_upload::UploadSweep, time::after,
};

use crate::{
    Store, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::item::{ListFilter, from_item, primary, s, to_item, value},
};

pub use lease::{Attempts, Lease, Outcome};

/// The documents of one organization.
#[derive(Debug, Clone)]
pub struct Documents {
    store: Store,
    org: OrgId,
}

/// What became of acknowledging an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadAccepted {
    /// The document is there.
    Done,
    /// It is not: the upload took so long that it was given up.
    Abandoned,
    /// It is not: the plan allows no more.
    Full,
}

impl Store {
    /// The documents of `org`.
    pub fn documents(&self, org: &OrgId) -> Documents {
        Documents {
            store: self.clone(),
            org: org.clone(),
        }
    }
}

impl Documents {
    /// The limit of `plan` that leaves no room for a document of this size, as far as can be told before it is stored.
    pub async fn exceeded(&self, size_bytes: u64, plan: Plan) -> Result<Option<PlanLimit>> {
        let one_more = ResourceChange::document(1, size_bytes);
        self.store.exceeded_resources(&self.org, &one_more, plan).await
    }

    /// Acknowledges an upload, if `plan` allows a document more: it appears, and its promise turns from "clean up" to
    /// "index".
    pub async fn accept(&self, document: &Document, promise: &OutboxEntry, plan: Plan) -> Result<UploadAccepted> {
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
        let parts = vec![
            self.store.app().part_put_new(item)?,
            TransactWriteItem::builder()
                .update(step.map_err(Error::internal)?)
                .build(),
        ];
        let one_more = ResourceChange::document(1, document.size_bytes);
        Ok(
            match self
                .store
                .transact_counted(&self.org, parts, &one_more, Some(plan))
                .await?
            {
                Counted::Done => UploadAccepted::Done,
                Counted::Refused(_) => UploadAccepted::Abandoned,
                Counted::Full(_) => UploadAccepted::Full,
            },
        )
    }

    /// Deletes a document: nobody sees it any more, its room is free, and its files are promised to be removed once
    /// nothing can arrive for it any more. Answers whether this call did.
    pub async fn delete(&self, document: &Document, now: Timestamp) -> Result<bool> {
        let app = self.store.app();
        let sweep = UploadSweep {
            org: self.org.clone(),
            document: document.id.clone(),
            due_ms: after(now, PendingUpload::LATE_ARRIVAL).as_millisecond(),
        };
        let parts = vec![
            app.part_delete(&keys::document(&self.org, &document.id), None)?,
            app.part_put(to_item(&keys::upload_sweep(&sweep), &sweep)?)?,
        ];
        let one_less = ResourceChange::document(-1, document.size_bytes);
        let deleted = self.store.transact_counted(&self.org, parts, &one_less, None).await?;
        Ok(deleted == Counted::Done)
    }

    /// One document.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>> {
        self.store.app().get(keys::document(&self.org, id)).await
    }

    /// Documents newest first; with `uploader`, only theirs.
    pub async fn list(&self, page: &PageRequest, uploader: Option<&UserId>) -> Result<Page<Document>> {
        let narrow = uploader.map_or_else(ListFilter::default, |user| ListFilter {
            expression: Some("created_by = :user"),
            values: vec![(":user", s(user.as_str()))],
        });
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

    /// The documents among `ids` that exist in this organization, in the order of `ids`. At most 100.
    pub async fn get_many(&self, ids: &[DocumentId]) -> Result<Vec<Document>> {
        let keys: Vec<_> = ids.iter().map(|id| keys::document(&self.org, id)).collect();
        let items = self.store.app().batch_get(&keys, false).await?;
        let mut found = items.into_iter().map(from_item).collect::<Result<Vec<Document>>>()?;
        let place = |document: &Document| ids.iter().position(|id| *id == document.id);
        found.sort_by_key(place);
        Ok(found)
    }
}
