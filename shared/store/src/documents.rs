//! Documents of an organization.

mod lease;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use model::{Document, DocumentId, Error, OrgId, OutboxEntry, Page, PageRequest, Result, UserId, outbox::OutboxStep};

use crate::{
    Store,
    item::{Narrow, Transaction, from_item, primary, s, to_item, transact, value},
    keys,
};

pub use lease::{Attempts, Lease, Outcome};

/// The documents of one organization.
#[derive(Debug, Clone)]
pub struct Documents {
    store: Store,
    org: OrgId,
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
    /// Acknowledges an upload: the document appears, and its promise turns from "clean up" to "index". Answers
    /// `false` when the promise is gone, because the upload took so long that it was given up.
    pub async fn accept(&self, document: &Document, promise: &OutboxEntry) -> Result<bool> {
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
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }

    /// One document.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>> {
        self.store.app().get(keys::document(&self.org, id)).await
    }

    /// Documents newest first; with `uploader`, only theirs.
    pub async fn list(&self, page: &PageRequest, uploader: Option<&UserId>) -> Result<Page<Document>> {
        let narrow = uploader.map_or_else(Narrow::default, |user| Narrow {
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
    pub async fn among(&self, ids: &[DocumentId]) -> Result<Vec<Document>> {
        let keys: Vec<_> = ids.iter().map(|id| keys::document(&self.org, id)).collect();
        let items = self.store.app().batch_get(&keys, false).await?;
        let mut found = items.into_iter().map(from_item).collect::<Result<Vec<Document>>>()?;
        let place = |document: &Document| ids.iter().position(|id| *id == document.id);
        found.sort_by_key(place);
        Ok(found)
    }
}
