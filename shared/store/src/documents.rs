//! Documents of an organization, and the lease under which a worker indexes one.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use model::{
    Document, DocumentId, DocumentStatus, Error, IndexFailure, OrgId, OutboxEntry, Page, PageRequest, Result,
    Timestamp, UserId, document::INDEX_LEASE, outbox::OutboxStep, time::after,
};

use crate::{
    Store,
    item::{
        Item, Narrow, Transaction, conditional, conditional_or_own, from_item, n, primary, s, to_item, transact, value,
    },
    keys,
};

/// The documents of one organization.
#[derive(Debug, Clone)]
pub struct Documents {
    store: Store,
    org: OrgId,
}

/// What a worker got when it asked for a document.
#[derive(Debug)]
pub enum Lease {
    /// The document is this worker's until the lease ends.
    Taken(Box<Document>),
    /// Nothing is left to do.
    Finished,
    /// It was deleted, or its upload was never acknowledged.
    Gone,
    /// Another worker holds it.
    Held,
}

/// Which delivery of its message a worker acts on.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// The first: somebody else who holds the document is respected.
    First,
    /// A later one: it comes after the visibility timeout, so who held the document before is dead or done.
    Again,
    /// The last: the document counts as failed until the work succeeds, so that it does not wait for ever when the
    /// worker dies once more.
    Last(IndexFailure),
}

/// How indexing one generation ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It can be searched.
    Ready {
        /// Object key of the segment.
        segment: String,
        /// Pages, for formats that have them.
        pages: Option<u32>,
        /// Searchable passages.
        chunks: u32,
    },
    /// It cannot be read, now or ever.
    Failed(IndexFailure),
    /// We failed, not the document: a redelivery may still succeed.
    GivenUp(IndexFailure),
}

impl Outcome {
    fn status(&self) -> Result<AttributeValue> {
        value(&match self {
            Self::Ready { .. } => DocumentStatus::Ready,
            Self::Failed(_) | Self::GivenUp(_) => DocumentStatus::Failed,
        })
    }
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

    /// Takes a document for indexing, for [`INDEX_LEASE`].
    pub async fn lease(&self, id: &DocumentId, holder: &str, now: Timestamp, attempt: &Attempt) -> Result<Lease> {
        let unfinished = "attribute_exists(pk) AND done < want";
        // A lease on what is marked failed belongs to a last delivery: whoever brings its message back need not wait.
        let free = "(attribute_not_exists(lease_ms) OR lease_ms < :now_ms OR lease_holder = :me OR #status = :failed)";
        let set = "SET lease_holder = :me, lease_ms = :until, #status = :status, progress = :zero, updated_at = :now";
        let mut update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":until", n(after(now, INDEX_LEASE).as_millisecond()))
            .expression_attribute_values(":zero", n(0))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        update = match attempt {
            Attempt::First => update
                .condition_expression(format!("{unfinished} AND {free}"))
                .expression_attribute_values(":now_ms", n(now.as_millisecond()))
                .expression_attribute_values(":failed", value(&DocumentStatus::Failed)?),
            Attempt::Again | Attempt::Last(_) => update.condition_expression(unfinished),
        };
        update = match attempt {
            Attempt::First | Attempt::Again => update
                .update_expression(set)
                .expression_attribute_values(":status", value(&DocumentStatus::Processing)?),
            Attempt::Last(failure) => update
                .update_expression(format!("{set}, failure = :failure"))
                .expression_attribute_values(":status", value(&DocumentStatus::Failed)?)
                .expression_attribute_values(":failure", value(failure)?),
        };
        if let Some(item) = conditional(update).await? {
            return Ok(Lease::Taken(Box::new(from_item(item)?)));
        }
        Ok(match self.get(id).await? {
            None => Lease::Gone,
            Some(document) if document.is_unfinished() => Lease::Held,
            Some(_) => Lease::Finished,
        })
    }

    /// Reports progress in percent; answers `false` when the lease was lost.
    pub async fn progress(&self, id: &DocumentId, holder: &str, percent: u8, now: Timestamp) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .update_expression("SET progress = :percent, lease_ms = :until, updated_at = :now")
            .condition_expression("lease_holder = :me")
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":percent", n(percent))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":until", n(after(now, INDEX_LEASE).as_millisecond()));
        Ok(conditional(update).await?.is_some())
    }

    /// Ends a generation; answers `false` when the lease was lost, or another worker ended this generation first.
    pub async fn finish(
        &self,
        id: &DocumentId,
        holder: &str,
        generation: u64,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .condition_expression("lease_holder = :me AND done < :generation AND want >= :generation")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":generation", n(generation))
            .expression_attribute_values(":status", outcome.status()?)
            .expression_attribute_values(":now", s(now.to_string()));
        let ended = (s(now.to_string()), outcome.status()?);
        let common = "#status = :status, updated_at = :now, progress = :percent";
        let update = match outcome {
            Outcome::Ready { segment, pages, chunks } => update
                .update_expression(format!(
                    "SET {common}, done = :generation, #segment = :segment, pages = :pages, chunks = :chunks REMOVE lease_holder, lease_ms, failure"
                ))
                .expression_attribute_values(":percent", n(100))
                .expression_attribute_names("#segment", "segment")
                .expression_attribute_values(":segment", s(segment))
                .expression_attribute_values(":pages", value(pages)?)
                .expression_attribute_values(":chunks", n(chunks)),
            Outcome::Failed(failure) | Outcome::GivenUp(failure) => {
                let done = if matches!(outcome, Outcome::Failed(_)) { ", done = :generation" } else { "" };
                update
                    .update_expression(format!("SET {common}, failure = :failure{done} REMOVE lease_holder, lease_ms"))
                    .expression_attribute_values(":percent", n(0))
                    .expression_attribute_values(":failure", value(failure)?)
            }
        };
        // The lease went with the end.
        let is_own = |item: &Item| {
            let (at, status) = &ended;
            item.get("updated_at") == Some(at) && item.get("status") == Some(status) && !item.contains_key("lease_ms")
        };
        Ok(conditional_or_own(update, is_own).await?.is_some())
    }
}
