//! Versions of a document: another file replaces the one in use as soon as it is indexed, and earlier ones can be
//! restored.
//!
//! A file is stored before its version exists, so an entry to remove it comes first: a day later it is removed unless it
//! is a version. The same entry is written when a version is dropped.

use bytes::Bytes;
use domain::{
    Actor, Document, DocumentId, DocumentVersion, Error, Membership, OrgId, OutboxEntry, PendingUpload, Result,
    WebSource,
    documents::{outbox::OutboxStep, version::MAX_VERSIONS},
};
use futures::future::BoxFuture;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{NewVersion, OptimisticRetry, Outcome, VersionAdded};

use super::{
    NO_DOCUMENT,
    upload::{kind_by_name, kind_of},
    web_pages::PageFile,
};
use crate::{App, audit::audit_event::AuditEvent};

const NO_VERSION: Error = Error::NotFound("version");
const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the uploader of this document, or an owner or admin of the organization, can change its file.",
};

/// Checks that a member may change the file of a document.
fn check_owner(member: &Membership, document: &Document) -> Result<()> {
    if member.may_change(&document.created_by) {
        Ok(())
    } else {
        Err(NOT_YOURS)
    }
}

/// Checks that a member may replace the file of a document by another one.
fn check_upload(member: &Membership, document: &Document) -> Result<()> {
    check_owner(member, document)?;
    if document.web.is_none() {
        return Ok(());
    }
    let detail = "The content of this document comes from its web page. Upload the file as a new document.";
    Err(Error::conflict("web_page", detail))
}

/// A file that is stored and is to become a version of a document.
struct StoredFile {
    file: DocumentVersion,
    /// The upload that it was announced as.
    upload: Option<DocumentId>,
    /// What the page says about itself that it was fetched from.
    web: Option<WebSource>,
}

impl App {
    /// Returns the versions of a document that are kept, newest first.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn document_versions<'a>(
        &'a self,
        org: &'a OrgId,
        id: &'a DocumentId,
    ) -> BoxFuture<'a, Result<(Document, Vec<DocumentVersion>)>> {
        Box::pin(async move {
            let document = self.document(org, id).await?;
            let versions = self.store.documents(org).versions(&document).await?;
            Ok((document, versions))
        })
    }

    /// Stores a file as the next version of a document and queues its indexing. Chatbots answer from the present version
    /// until then, and go on to do so if the new one cannot be read.
    ///
    /// # Errors
    /// Returns [`Error::UnsupportedMedia`], [`Error::Invalid`] for an empty file, [`Error::Limit`], [`Error::NotFound`],
    /// [`Error::Forbidden`] `not_yours`, and [`Error::Conflict`] `web_page`.
    pub fn add_version<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DocumentId,
        file_name: String,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let kind = kind_by_name(&file_name)?;
            if bytes.is_empty() {
                return Err(Error::invalid("/file", "is empty"));
            }
            self.changeable_document(member, id).await?;
            let now = self.clock.now();
            let source = Document::version_key(&member.org, id, &self.ids.make()?);
            let file = DocumentVersion {
                number: 0,
                file_name,
                kind,
                size_bytes: bytes.len() as u64,
                sha256: hex::encode(Sha256::digest(&bytes)),
                source: source.clone(),
                created_by: member.member.clone(),
                created_at: now,
                failure: None,
            };
            let may_change = |document: &Document| check_upload(member, document);
            let stored = StoredFile {
                file,
                upload: None,
                web: None,
            };
            self.store_version(&member.org, actor, id, (stored, bytes), may_change)
                .await
        })
    }

    /// Makes what was fetched from the page of a document its next version.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] and [`Error::Limit`].
    pub(super) async fn add_page_version(&self, document: &Document, page: PageFile) -> Result<Document> {
        let unique = self.ids.make()?;
        let file = DocumentVersion {
            number: 0,
            size_bytes: page.bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&page.bytes)),
            source: Document::version_key(&document.org, &document.id, &unique),
            file_name: page.file_name,
            kind: page.kind,
            created_by: document.created_by.clone(),
            created_at: self.clock.now(),
            failure: None,
        };
        let stored = StoredFile {
            file,
            upload: None,
            web: Some(page.web),
        };
        let (actor, file) = (Actor::system(), (stored, page.bytes));
        self.store_version(&document.org, &actor, &document.id, file, |_| Ok(()))
            .await
    }

    /// Stores a file and makes it the next version of a document that passes a check.
    async fn store_version(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: &DocumentId,
        (stored, bytes): (StoredFile, Bytes),
        check: impl Fn(&Document) -> Result<()>,
    ) -> Result<Document> {
        let (source, kind) = (stored.file.source.clone(), stored.file.kind);
        let documents = self.store.documents(org);
        documents.sweep_later(id, &source, self.clock.now()).await?;
        self.objects.put(&source, bytes, kind_of(kind).content_type()).await?;
        let added = self.use_as_version(org, actor, id, stored, check).await;
        if added.is_err()
            && let Err(error) = self.objects.delete(&source).await
        {
            tracing::warn!(document_id = %id, %error, "version.file_left_to_sweep");
        }
        added
    }

    /// Makes an announced file that has arrived the next version of its document.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the upload has ended, and those of [`App::add_version`].
    pub(crate) async fn complete_version(
        &self,
        member: &Membership,
        actor: &Actor,
        upload: PendingUpload,
        sha256: String,
    ) -> Result<Document> {
        let id = upload.replaces.clone().ok_or(NO_DOCUMENT)?;
        let source = upload.file_key();
        let stored = StoredFile {
            file: DocumentVersion {
                number: 0,
                file_name: upload.file_name,
                kind: upload.kind,
                size_bytes: upload.size_bytes,
                sha256,
                source,
                created_by: upload.created_by,
                created_at: self.clock.now(),
                failure: None,
            },
            upload: Some(upload.id),
            web: None,
        };
        let may_change = |document: &Document| check_upload(member, document);
        self.use_as_version(&member.org, actor, &id, stored, may_change).await
    }

    /// Has an earlier version of a document indexed again; it then replaces the one in use.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also for a version that is not kept, and [`Error::Forbidden`] `not_yours`.
    pub fn restore_version<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DocumentId,
        number: u32,
    ) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let documents = self.store.documents(&member.org);
            let mut retry = OptimisticRetry::to_change("a document");
            loop {
                retry.next().await?;
                let document = self.document(&member.org, id).await?;
                check_owner(member, &document)?;
                if documents.version(&document, number).await?.is_none() {
                    return Err(NO_VERSION);
                }
                let coming = document.wanted_version.unwrap_or(document.version);
                if coming == number {
                    return Ok(document);
                }
                let promise = self.index_promise(&document);
                let event = AuditEvent::new("document.version_restored", "document", id.as_str())
                    .before(json!({ "version": document.version }))
                    .after(json!({ "version": number }));
                let entry = self.entry(actor, &member.org, event)?;
                if documents
                    .restore_version(&document, number, &promise, &entry, self.clock.now())
                    .await?
                {
                    return self.requested(&document, &promise).await;
                }
            }
        })
    }

    /// Returns a document whose file the member may replace.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours` for a member who neither uploaded it nor is an owner
    /// or admin, and [`Error::Conflict`] `web_page` for one whose content comes from the web.
    pub(crate) async fn changeable_document(&self, member: &Membership, id: &DocumentId) -> Result<Document> {
        let document = self.document(&member.org, id).await?;
        check_upload(member, &document)?;
        Ok(document)
    }

    async fn use_as_version(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: &DocumentId,
        stored: StoredFile,
        check: impl Fn(&Document) -> Result<()>,
    ) -> Result<Document> {
        let documents = self.store.documents(org);
        let own = self.entitlements_of(org).await?;
        let StoredFile { mut file, upload, web } = stored;
        let mut retry = OptimisticRetry::to_change("a document");
        loop {
            retry.next().await?;
            let document = self.document(org, id).await?;
            check(&document)?;
            let versions = documents.versions(&document).await?;
            let in_use = [Some(document.version), document.wanted_version];
            let mut droppable = versions.iter().rev().filter(|old| !in_use.contains(&Some(old.number)));
            let dropped = droppable.next().filter(|_| versions.len() >= MAX_VERSIONS);
            file.number = document.latest_version + 1;
            let promise = self.index_promise(&document);
            let event = AuditEvent::new("document.version_created", "document", id.as_str())
                .after(json!({ "version": file.number }));
            let entry = self.entry(actor, org, event)?;
            let new = NewVersion {
                version: &file,
                dropped,
                upload: upload.as_ref(),
                promise: &promise,
                own: &own,
                web: web.as_ref(),
                entry: &entry,
            };
            match documents.add_version(&document, new, self.clock.now()).await? {
                VersionAdded::Done => {
                    if let Some(old) = dropped {
                        self.delete_file(&document, &old.source).await;
                    }
                    return self.requested(&document, &promise).await;
                }
                VersionAdded::Changed => {}
                VersionAdded::UploadEnded => return Err(Error::NotFound("upload")),
                VersionAdded::Full(limit) => {
                    if !self.release_ended_uploads(org).await? {
                        return Err(Error::plan_limit(limit));
                    }
                }
            }
        }
    }

    /// Queues the indexing of a version, and returns the document as it is now.
    async fn requested(&self, before: &Document, promise: &OutboxEntry) -> Result<Document> {
        if let Some(checkpoint) = &before.checkpoint {
            self.delete_file(before, &checkpoint.key).await;
        }
        self.queue_indexing(promise).await;
        self.document(&before.org, &before.id).await
    }

    /// Best effort: what is left is swept, or deleted with the document.
    async fn delete_file(&self, document: &Document, key: &str) {
        if let Err(error) = self.objects.delete(key).await {
            tracing::warn!(document_id = %document.id, %error, "version.file_left");
        }
    }

    /// Returns the version that is to replace the one in use.
    pub(super) async fn wanted_version(&self, document: &Document) -> Result<Option<DocumentVersion>> {
        let Some(number) = document.wanted_version else {
            return Ok(None);
        };
        let found = self.store.documents(&document.org).version(document, number).await?;
        let missing = || Error::internal(format!("version {number} of document {} is missing", document.id));
        found.map_or_else(|| Err(missing()), |version| Ok(Some(version)))
    }

    /// Returns the outcome for a document with another version in use, which stays in use if this one failed.
    pub(super) async fn outcome_of_version(
        &self,
        document: &Document,
        version: DocumentVersion,
        outcome: Outcome,
    ) -> Result<Outcome> {
        let documents = self.store.documents(&document.org);
        match outcome {
            Outcome::Failed(failure) => {
                documents
                    .record_version(&document.id, version.number, Some(&failure))
                    .await?;
                let version = version.number;
                Ok(match document.segment {
                    Some(_) => Outcome::VersionFailed { version, failure },
                    None => Outcome::Failed(failure),
                })
            }
            mut ready @ Outcome::Ready { .. } => {
                if version.failure.is_some() {
                    documents.record_version(&document.id, version.number, None).await?;
                }
                if let Outcome::Ready { version: in_use, .. } = &mut ready {
                    *in_use = Some(Box::new(version));
                }
                Ok(ready)
            }
            other => Ok(other),
        }
    }

    fn index_promise(&self, document: &Document) -> OutboxEntry {
        OutboxEntry {
            document: document.id.clone(),
            org: document.org.clone(),
            step: OutboxStep::SendIndexMessage,
            created_ms: self.clock.now_ms(),
        }
    }
}
