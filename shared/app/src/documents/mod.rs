//! Listing and deleting documents.

mod checkpoints;
pub(crate) mod content;
pub(crate) mod crawls;
mod details;
pub(crate) mod document_embedder;
pub(crate) mod duplicates;
pub(crate) mod embed_documents;
mod embedding;
pub(crate) mod index_document;
mod indexing_event;
pub(crate) mod manifests;
pub(crate) mod packs;
pub(crate) mod pending_uploads;
mod refresh;
mod reindex;
pub(crate) mod segments;
mod transcription;
pub(crate) mod upload;
mod vector_batches;
mod versions;
pub(crate) mod web_pages;

use domain::{
    Actor, Document, DocumentId, Error, EventData, Membership, OrgId, Page, PageRequest, Purge, Result,
    webhooks::data::DocumentEvent,
};
use futures::future::BoxFuture;
use store::{DocumentFilter, OptimisticRetry};

use crate::{App, audit::audit_event::AuditEvent};

pub(crate) const NO_DOCUMENT: Error = Error::NotFound("document");
const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the uploader of this document, or an owner or admin of the organization, can delete it.",
};

impl App {
    /// Returns the documents of an organization that pass a filter, newest first.
    pub fn list_documents<'a>(
        &'a self,
        org: &'a OrgId,
        filter: &'a DocumentFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<Document>>> {
        Box::pin(async move { self.store.documents(org).list(page, filter).await })
    }

    /// Returns a document of an organization.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn document<'a>(&'a self, org: &'a OrgId, id: &'a DocumentId) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move { self.store.documents(org).get(id).await?.ok_or(NO_DOCUMENT) })
    }

    /// Deletes a document and removes it from all chatbots. Its files are removed in the background.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], or [`Error::Forbidden`] `not_yours` for a member who neither uploaded it nor is an
    /// owner or admin.
    pub fn delete_document<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DocumentId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let may_delete = |document: &Document| member.may_change(&document.created_by);
            self.remove_document(&member.org, actor, id, may_delete).await
        })
    }

    /// Deletes a document that `may_delete` accepts.
    pub(crate) async fn remove_document(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: &DocumentId,
        may_delete: impl Fn(&Document) -> bool,
    ) -> Result<()> {
        let documents = self.store.documents(org);
        let mut retry = OptimisticRetry::to_change("a document");
        loop {
            retry.next().await?;
            let document = documents.get(id).await?.ok_or(NO_DOCUMENT)?;
            if !may_delete(&document) {
                return Err(NOT_YOURS);
            }
            // An interrupted deletion can be repeated as long as the document exists.
            self.unassign_everywhere(org, id).await?;
            let data = EventData::DocumentDeleted(DocumentEvent::of(&document, document.version, None));
            let promised = self.event(org, data, id.as_str()).await?;
            let event = AuditEvent::new("document.deleted", "document", id.as_str()).promise(promised);
            let entry = self.entry(actor, org, event)?;
            if documents.delete(&document, &entry, self.clock.now()).await? {
                break;
            }
        }
        let purge = Purge::Document {
            org_id: org.clone(),
            document_id: id.clone(),
        };
        self.queue_purge(&purge).await;
        Ok(())
    }

    /// Removes what a deleted document left behind. Idempotent; nothing happens as long as the document exists.
    pub(crate) async fn purge_document(&self, org: &OrgId, id: &DocumentId) -> Result<()> {
        if self.store.documents(org).get(id).await?.is_some() {
            return Ok(());
        }
        // From chatbots it was added to while it was deleted.
        self.unassign_everywhere(org, id).await?;
        self.store.documents(org).erase_versions(id).await?;
        self.delete_packs_with(org, id).await?;
        self.delete_manifests_with(org, id).await?;
        // What a worker writes after this is swept a day later.
        self.objects.delete_below(&Document::folder(org, id)).await
    }

    async fn unassign_everywhere(&self, org: &OrgId, document: &DocumentId) -> Result<()> {
        let chatbots = self.store.chatbots(org);
        for chatbot in chatbots.with_document(document).await? {
            chatbots.unassign(&chatbot, document, self.clock.now()).await?;
        }
        Ok(())
    }
}
