//! Indexing a document again.

use domain::{
    Document, DocumentId, DocumentStatus, Error, Membership, OutboxEntry, Result, documents::outbox::OutboxStep,
};
use futures::future::BoxFuture;
use store::OptimisticRetry;

use super::NO_DOCUMENT;
use crate::App;

const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the uploader of this document, or an owner or admin of the organization, can reindex it.",
};

impl App {
    /// Has a document indexed again. Chatbots answer from its current index until the new one is finished. A document
    /// that is being indexed already is returned as it is.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], or [`Error::Forbidden`] `not_yours` for a member who neither uploaded it nor is an
    /// owner or admin.
    pub fn reindex_document<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a DocumentId,
    ) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let documents = self.store.documents(&member.org);
            let mut retry = OptimisticRetry::to_change("a document");
            loop {
                retry.next().await?;
                let document = documents.get(id).await?.ok_or(NO_DOCUMENT)?;
                if !member.may_change(&document.created_by) {
                    return Err(NOT_YOURS);
                }
                // One that failed for our reasons is unfinished, and nothing continues it.
                if document.is_unfinished() && document.status != DocumentStatus::Failed {
                    return Ok(document);
                }
                let now = self.clock.now();
                let promise = OutboxEntry {
                    document: document.id.clone(),
                    org: member.org.clone(),
                    step: OutboxStep::SendIndexMessage,
                    created_ms: now.as_millisecond(),
                };
                if documents.request_reindex(&document, &promise, now).await? {
                    self.queue_indexing(&promise).await;
                    return Ok(Document {
                        status: DocumentStatus::Pending,
                        progress: 0,
                        failure: None,
                        want: document.done + 1,
                        updated_at: now,
                        ..document
                    });
                }
            }
        })
    }
}
