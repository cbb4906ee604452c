//! Uploads within a request: a crash at any moment leaves either nothing or a document that gets indexed.
//!
//! The outbox entry is written first. Until the document is acknowledged, it means "remove what is in the bucket"; the
//! write that makes the document visible changes it to "index it". Whichever step a crash hits, the relay finds the
//! entry and finishes or cleans up.

use std::time::Duration;

use bytes::Bytes;
use domain::{
    Document, DocumentKind, DocumentStatus, Entitlements, Error, Membership, OutboxEntry, Result,
    documents::document::NewDocument,
    documents::outbox::{IndexMessage, OutboxStep},
    documents::tags::normalize_tags,
};
use futures::future::BoxFuture;
use retrieval::Kind;
use sha2::{Digest as _, Sha256};
use store::UploadAccepted;

use crate::App;

/// A file to upload.
#[derive(Debug)]
pub struct Upload {
    /// Name shown in lists and citations.
    pub name: String,
    /// Description of the document.
    pub description: Option<String>,
    /// Its tags, as given.
    pub tags: Vec<String>,
    /// Name of the file; its extension determines the file type.
    pub file_name: String,
    /// The file.
    pub bytes: Bytes,
}

pub(crate) fn kind_of(kind: DocumentKind) -> Kind {
    match kind {
        DocumentKind::Pdf => Kind::Pdf,
        DocumentKind::Docx => Kind::Docx,
        DocumentKind::Txt => Kind::Text,
        DocumentKind::Md => Kind::Markdown,
        DocumentKind::Code => Kind::Code,
        DocumentKind::Csv => Kind::Csv,
        DocumentKind::Xlsx => Kind::Xlsx,
        DocumentKind::Pptx => Kind::Pptx,
        DocumentKind::Odt => Kind::Odt,
        DocumentKind::Ods => Kind::Ods,
        DocumentKind::Odp => Kind::Odp,
        DocumentKind::Rtf => Kind::Rtf,
        DocumentKind::Html => Kind::Html,
        DocumentKind::Epub => Kind::Epub,
        DocumentKind::Eml => Kind::Eml,
    }
}

pub(crate) fn kind_by_name(file_name: &str) -> Result<DocumentKind> {
    let kind = Kind::from_file_name(file_name).ok_or_else(|| {
        let detail = "Unsupported file type. Upload a .pdf, .docx, .xlsx, .pptx, .odt, .ods, .odp, .rtf, .txt, .md, \
                      .csv, .html, .epub, .eml or source code file.";
        Error::UnsupportedMedia(detail.to_owned())
    })?;
    Ok(match kind {
        Kind::Pdf => DocumentKind::Pdf,
        Kind::Docx => DocumentKind::Docx,
        Kind::Text => DocumentKind::Txt,
        Kind::Markdown => DocumentKind::Md,
        Kind::Code => DocumentKind::Code,
        Kind::Csv => DocumentKind::Csv,
        Kind::Xlsx => DocumentKind::Xlsx,
        Kind::Pptx => DocumentKind::Pptx,
        Kind::Odt => DocumentKind::Odt,
        Kind::Ods => DocumentKind::Ods,
        Kind::Odp => DocumentKind::Odp,
        Kind::Rtf => DocumentKind::Rtf,
        Kind::Html => DocumentKind::Html,
        Kind::Epub => DocumentKind::Epub,
        Kind::Eml => DocumentKind::Eml,
    })
}

impl App {
    /// Stores a file and queues its indexing. Once this returns, the document will become `ready` or `failed` whatever
    /// happens to the process.
    ///
    /// # Errors
    /// Returns [`Error::UnsupportedMedia`] for the file's extension, [`Error::Invalid`] for an empty file and for tags,
    /// [`Error::Limit`] if the plan's storage is exhausted.
    pub fn upload<'a>(&'a self, member: &'a Membership, upload: Upload) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let kind = kind_by_name(&upload.file_name)?;
            if upload.bytes.is_empty() {
                return Err(Error::invalid("/file", "is empty"));
            }
            let new = NewDocument {
                id: self.ids.make()?,
                org: member.org.clone(),
                created_by: member.member.clone(),
                name: upload.name,
                description: upload.description,
                tags: normalize_tags(&upload.tags)?,
                file_name: upload.file_name,
                kind,
                size_bytes: upload.bytes.len() as u64,
                sha256: hex::encode(Sha256::digest(&upload.bytes)),
            };
            let document = Document::new(new, self.clock.now());
            let own = self.entitlements_of(&document.org).await?;
            self.create_document(document, Some(upload.bytes), own).await
        })
    }

    /// Creates a document with its file, or without one that a worker will fetch, and queues its indexing. Once this
    /// returns, the document will become `ready` or `failed` whatever happens to the process.
    ///
    /// # Errors
    /// Returns [`Error::Limit`] if the plan allows no more.
    pub(crate) fn create_document(
        &self,
        mut document: Document,
        file: Option<Bytes>,
        own: Entitlements,
    ) -> BoxFuture<'_, Result<Document>> {
        Box::pin(async move {
            let promise = OutboxEntry {
                document: document.id.clone(),
                org: document.org.clone(),
                step: OutboxStep::AbandonUpload,
                created_ms: document.created_at.as_millisecond(),
            };
            // The check at the write decides; this one only avoids uploading a file that would not stay.
            if self
                .store
                .documents(&document.org)
                .exceeded(document.size_bytes, &own)
                .await?
                .is_some()
            {
                self.free_capacity(&document.org, document.size_bytes, &own).await?;
            }
            document.duplicate_of = self.original_of(&document).await?;
            self.store.outbox().put(&promise).await?;
            if let Err(error) = self.store_upload(&document, &promise, file, &own).await {
                // Best effort: the relay cleans up what remains after a second failure.
                if let Err(left) = self.abandon_upload(&promise).await {
                    tracing::warn!(document_id = %promise.document, error = %left, "upload.cleanup_failed");
                }
                return Err(error);
            }
            self.queue_indexing(&promise).await;
            Ok(document)
        })
    }

    /// Waits up to `at_most` until a document is `ready` or `failed`, and returns its state then.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if it is deleted in the meantime.
    #[expect(
        clippy::disallowed_methods,
        reason = "the client asked to wait, and polling is the only way"
    )]
    pub fn wait_until_indexed<'a>(
        &'a self,
        document: &'a Document,
        at_most: Duration,
    ) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let documents = self.store.documents(&document.org);
            let mut waited = Duration::ZERO;
            loop {
                let current = documents.get(&document.id).await?.ok_or(Error::NotFound("document"))?;
                if !current.is_unfinished() || current.status == DocumentStatus::Failed || waited >= at_most {
                    return Ok(current);
                }
                // Short at first for small files, longer later to save table reads.
                let pause = (waited / 4)
                    .clamp(Duration::from_millis(50), Duration::from_secs(1))
                    .min(at_most.saturating_sub(waited));
                tokio::time::sleep(pause).await;
                waited += pause;
            }
        })
    }

    async fn store_upload(
        &self,
        document: &Document,
        promise: &OutboxEntry,
        file: Option<Bytes>,
        own: &Entitlements,
    ) -> Result<()> {
        if let Some(bytes) = file {
            let key = Document::source_key(&document.org, &document.id);
            self.objects
                .put(&key, bytes, kind_of(document.kind).content_type())
                .await?;
        }
        let documents = self.store.documents(&document.org);
        loop {
            match documents.accept(document, promise, own).await? {
                UploadAccepted::Done => return Ok(()),
                UploadAccepted::Abandoned => {
                    return Err(Error::unavailable("the upload took so long that it was abandoned"));
                }
                UploadAccepted::Full => self.free_capacity(&document.org, document.size_bytes, own).await?,
            }
        }
    }

    /// Abandons an unacknowledged upload and removes its objects. One that was in fact acknowledged, because only the
    /// response to the write was lost, stays.
    pub(crate) async fn abandon_upload(&self, promise: &OutboxEntry) -> Result<()> {
        if !self.store.outbox().give_up(&promise.document).await? {
            return Ok(());
        }
        self.objects
            .delete(&Document::source_key(&promise.org, &promise.document))
            .await?;
        self.store.outbox().remove(&promise.document).await
    }

    /// Queues the indexing of an acknowledged upload. If its message is lost, the relay sends it.
    pub(crate) async fn queue_indexing(&self, promise: &OutboxEntry) {
        if let Err(error) = self.send_index_message(promise).await {
            tracing::warn!(document_id = %promise.document, error = %error, "upload.message_left_to_relay");
        }
    }

    /// Queues the message of an acknowledged upload and removes the outbox entry.
    pub(crate) async fn send_index_message(&self, promise: &OutboxEntry) -> Result<()> {
        let message = IndexMessage {
            org_id: promise.org.clone(),
            document_id: promise.document.clone(),
        };
        self.queues.send(&message).await?;
        self.store.outbox().remove(&promise.document).await
    }
}
