//! Deleting documents.

pub(crate) mod index_document;
pub(crate) mod pending_uploads;
pub(crate) mod search;
pub(crate) mod segments;
pub(crate) mod upload;

use domain::{Document, DocumentId, Error, Membership, OrgId, Result};
use futures::future::BoxFuture;

use crate::App;

const NO_DOCUMENT: Error = Error::NotFound("document");

impl App {
    /// Deletes a document with its files, and removes it from the chatbots that answer from it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] `not_yours` for members who did not upload it and administer nothing.
    pub fn delete_document<'a>(&'a self, member: &'a Membership, id: &'a DocumentId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let documents = self.documents(&member.org);
            let document = documents.get(id).await?.ok_or(NO_DOCUMENT)?;
            if document.created_by != member.member && !member.role.administers() {
                return Err(Error::Forbidden {
                    code: "not_yours",
                    detail: "Only who uploaded this document, or an owner or admin of the organization, may delete it.",
                });
            }
            // While it is there, a deletion that breaks off can be repeated.
            self.unassign_everywhere(&member.org, id).await?;
            if !documents.delete(&document, self.clock.now()).await? {
                return Err(NO_DOCUMENT);
            }
            // From chatbots that were given it meanwhile, too.
            self.unassign_everywhere(&member.org, id).await?;
            // Now as far as possible; what is left, and what a worker still writes, is found by the sweep.
            let folder = Document::folder(&member.org, id);
            if let Err(error) = self.objects.delete_below(&folder).await {
                tracing::warn!(document_id = %id, %error, "document.files_left_to_sweep");
            }
            Ok(())
        })
    }

    async fn unassign_everywhere(&self, org: &OrgId, document: &DocumentId) -> Result<()> {
        let chatbots = self.chatbots(org);
        for chatbot in chatbots.with_document(document).await? {
            chatbots.unassign(&chatbot, document, self.clock.now()).await?;
        }
        Ok(())
    }
}
