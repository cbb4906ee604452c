//! What users say about a document: its name, description and tags.

use domain::{Actor, Document, DocumentId, Error, Membership, Result, documents::tags::normalize_tags};
use futures::future::BoxFuture;
use serde_json::json;
use store::DocumentChange;

use super::NO_DOCUMENT;
use crate::{App, audit::audit_event::AuditEvent};

const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the uploader of this document, or an owner or admin of the organization, can change it.",
};

impl App {
    /// Changes the name, description and tags of a document. Chatbots cite it by its new name from the next answer on.
    /// Of two concurrent changes of one field, the last one wins.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Invalid`] at `/tags`, or [`Error::Forbidden`] `not_yours` for a member who
    /// neither uploaded it nor is an owner or admin.
    pub fn update_document<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DocumentId,
        change: DocumentChange,
    ) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let documents = self.store.documents(&member.org);
            let document = documents.get(id).await?.ok_or(NO_DOCUMENT)?;
            if !member.may_change(&document.created_by) {
                return Err(NOT_YOURS);
            }
            let tags = change.tags.as_deref().map(normalize_tags).transpose()?;
            let change = DocumentChange {
                name: change.name.filter(|name| *name != document.name),
                description: change
                    .description
                    .filter(|text| text != document.description.as_deref().unwrap_or_default()),
                tags: tags.filter(|tags| *tags != document.tags),
            };
            let fields = [
                ("name", change.name.is_some()),
                ("description", change.description.is_some()),
                ("tags", change.tags.is_some()),
            ];
            let fields: Vec<&str> = fields
                .iter()
                .filter(|(_, is_new)| *is_new)
                .map(|(name, _)| *name)
                .collect();
            if fields.is_empty() {
                return Ok(document);
            }
            let now = self.clock.now();
            let event = AuditEvent::new("document.updated", "document", id.as_str()).after(json!({ "fields": fields }));
            let entry = self.entry(actor, &member.org, event)?;
            if !documents.update(id, &change, &entry, now).await? {
                return Err(NO_DOCUMENT);
            }
            // A worker may have gone on meanwhile.
            documents.get(id).await?.ok_or(NO_DOCUMENT)
        })
    }
}
