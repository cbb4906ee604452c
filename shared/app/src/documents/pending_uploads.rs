//! Direct uploads to the bucket: announced, uploaded by the client, completed.
//!
//! The link's signature covers the length, the media type and `If-None-Match: *`, so an uploaded file has exactly the
//! announced size and is never replaced. Announcement and document never coexist: one transaction converts one into the
//! other, despite concurrent attempts. A file may arrive after its upload was abandoned or its organization erased,
//! until the last request that started in time has ended. Each announcement therefore includes an entry to sweep the
//! bucket a day after its expiry, when nothing can arrive any more.

use std::time::Duration;

use domain::{
    Actor, Document, DocumentId, Error, Membership, PendingUpload, Result, documents::pending_upload::UploadSweep,
    documents::tags::normalize_tags, time::after,
};
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use store::PresignedPut;

use crate::{
    App,
    documents::upload::{kind_by_name, kind_of},
    platform::batch_outcome::BatchOutcome,
};

/// A file that a client will upload to the bucket.
#[derive(Debug)]
pub struct NewUpload {
    /// Name shown in lists and citations.
    pub name: String,
    /// Description of the document.
    pub description: Option<String>,
    /// Its tags, as given.
    pub tags: Vec<String>,
    /// Name of the file; its extension determines the file type.
    pub file_name: String,
    /// Exact size, in bytes.
    pub size_bytes: u64,
    /// The document of which it is to become the next version; a new document if `None`.
    pub replaces: Option<DocumentId>,
    /// The media type that will be sent; by default that of the extension.
    pub content_type: Option<String>,
}

/// An announced upload.
#[derive(Debug)]
pub struct BegunUpload {
    /// The upload.
    pub upload: PendingUpload,
    /// How to upload its file.
    pub put: PresignedPut,
    /// Maximum size of such a file, in bytes.
    pub max_size_bytes: u64,
}

/// A completed upload.
#[derive(Debug)]
pub struct CompletedUpload {
    /// The resulting document.
    pub document: Document,
    /// Whether this call completed it, rather than an earlier one.
    pub is_new: bool,
}

impl App {
    /// Returns the origin of the bucket's URLs, such as `https://bucket.s3.eu-west-1.amazonaws.com`: browsers may be
    /// told where files are put. Empty if no URL can be signed.
    pub async fn files_origin(&self) -> String {
        let link = self.objects.link("origin", Duration::from_mins(1)).await;
        let link = link.unwrap_or_default();
        let parts = link
            .split_once("://")
            .and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?.0)));
        parts.map_or_else(String::new, |(scheme, host)| format!("{scheme}://{host}"))
    }

    /// Announces a file; returns where and how to upload it.
    ///
    /// # Errors
    /// Returns [`Error::UnsupportedMedia`] for the file's extension, [`Error::Invalid`] at `/size` for a file above the
    /// plan's maximum, [`Error::Limit`] if the plan's storage is exhausted.
    pub fn begin_upload<'a>(&'a self, member: &'a Membership, new: NewUpload) -> BoxFuture<'a, Result<BegunUpload>> {
        Box::pin(async move {
            let kind = kind_by_name(&new.file_name)?;
            let tags = normalize_tags(&new.tags)?;
            if let Some(document) = &new.replaces {
                self.changeable_document(member, document).await?;
            }
            let org = self.store.orgs().get(&member.org).await?;
            let org = org.ok_or(Error::NotFound("organization"))?.org;
            let now = self.clock.now();
            let own = org.entitlements(now);
            PendingUpload::check_size(new.size_bytes, kind, &own)?;
            let upload = PendingUpload {
                id: self.ids.make()?,
                org: member.org.clone(),
                created_by: member.member.clone(),
                name: new.name,
                description: new.description,
                tags,
                file_name: new.file_name,
                kind,
                size_bytes: new.size_bytes,
                replaces: new.replaces,
                completed: false,
                created_at: now,
                expires_at: after(now, PendingUpload::LIFETIME),
            };
            let content_type = new.content_type.as_deref().unwrap_or(kind_of(kind).content_type());
            let put = self
                .objects
                .presign_put(
                    &upload.file_key(),
                    content_type,
                    upload.size_bytes,
                    PendingUpload::LIFETIME,
                )
                .await?;
            // The link is only issued after this write, so nothing can arrive that is not swept.
            let uploads = self.store.pending_uploads(&upload.org);
            while !uploads.begin(&upload, &own).await? {
                self.free_capacity(&upload.org, upload.size_bytes, &own).await?;
            }
            Ok(BegunUpload {
                upload,
                put,
                max_size_bytes: PendingUpload::max_size(kind, &own),
            })
        })
    }

    /// Converts an announced file that has arrived into a document, and queues its indexing. Idempotent: calling it
    /// again returns the same document.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an unknown upload; [`Error::Gone`] `upload_expired`; [`Error::Conflict`]
    /// `file_missing` before the file has arrived; [`Error::Invalid`] at `/size` for a file of a different size.
    pub fn complete_upload<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DocumentId,
    ) -> BoxFuture<'a, Result<CompletedUpload>> {
        Box::pin(async move {
            let uploads = self.store.pending_uploads(&member.org);
            let Some(upload) = uploads.get(id).await? else {
                return self.completed_before(member, id).await;
            };
            if let Some(document) = upload.replaces.as_ref().filter(|_| upload.completed) {
                let document = self.document(&member.org, document).await?;
                return Ok(CompletedUpload {
                    document,
                    is_new: false,
                });
            }
            if upload.is_expired(self.clock.now()) {
                return Err(Error::Gone {
                    code: "upload_expired",
                    detail: "This upload was not completed in time. Start a new one.",
                });
            }
            let sha256 = self.digest_of_file(&upload).await?;
            if upload.replaces.is_some() {
                let document = self.complete_version(member, actor, upload, sha256).await?;
                return Ok(CompletedUpload { document, is_new: true });
            }
            let mut document = upload.into_document(sha256, self.clock.now());
            document.duplicate_of = self.original_of(&document).await?;
            let Some(promise) = uploads.complete(&document, document.created_at).await? else {
                return self.completed_before(member, id).await;
            };
            self.queue_indexing(&promise).await;
            Ok(CompletedUpload { document, is_new: true })
        })
    }

    async fn completed_before(&self, member: &Membership, id: &DocumentId) -> Result<CompletedUpload> {
        let document = self.store.documents(&member.org).get(id).await?;
        Ok(CompletedUpload {
            document: document.ok_or(Error::NotFound("upload"))?,
            is_new: false,
        })
    }

    /// Returns the hex SHA-256 of the file in the bucket, read in pieces because it may exceed a function's memory.
    async fn digest_of_file(&self, upload: &PendingUpload) -> Result<String> {
        let Some(mut file) = self.objects.read(&upload.file_key()).await? else {
            let detail = "The file has not arrived. Send it to the `url` of the upload with PUT first, then complete the upload.";
            return Err(Error::conflict("file_missing", detail));
        };
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = file.try_next().await.map_err(Error::unavailable)? {
            bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            digest.update(&piece);
        }
        if bytes != upload.size_bytes {
            let detail = format!(
                "is {}, but the uploaded file has {bytes} bytes; start a new upload",
                upload.size_bytes
            );
            return Err(Error::invalid("/size", detail));
        }
        Ok(hex::encode(digest.finalize()))
    }

    /// Removes orphaned files for which none can arrive any more; returns the number of uploads checked.
    ///
    /// # Errors
    /// Returns an error if a service does not respond; the next run handles the rest.
    pub(crate) async fn sweep_uploads(&self) -> Result<usize> {
        let due = self.store.upload_sweeps().due(self.clock.now()).await?;
        let mut swept = BatchOutcome::default();
        for sweep in &due {
            let done = self.sweep_upload(sweep).await.map(|()| 1);
            swept.count(
                done,
                |error| tracing::warn!(document_id = %sweep.document, %error, "upload.not_swept"),
            );
        }
        swept.end()
    }

    async fn sweep_upload(&self, sweep: &UploadSweep) -> Result<()> {
        if let Some(file) = &sweep.file {
            if !self.is_version(sweep, file).await? {
                self.objects.delete(file).await?;
            }
            return self.store.upload_sweeps().remove(sweep).await;
        }
        // It expired a day ago; once removed, it cannot become a document after the following check.
        self.store.pending_uploads(&sweep.org).remove(&sweep.document).await?;
        if self.store.documents(&sweep.org).get(&sweep.document).await?.is_none() {
            let folder = Document::folder(&sweep.org, &sweep.document);
            self.objects.delete_below(&folder).await?;
            // An answer that began before the document was deleted may have stored one after that.
            self.delete_packs_with(&sweep.org, &sweep.document).await?;
            self.delete_manifests_with(&sweep.org, &sweep.document).await?;
        }
        self.store.upload_sweeps().remove(sweep).await
    }

    /// Returns whether a file is that of a version that is kept.
    async fn is_version(&self, sweep: &UploadSweep, file: &str) -> Result<bool> {
        let documents = self.store.documents(&sweep.org);
        let Some(document) = documents.get(&sweep.document).await? else {
            return Ok(false);
        };
        let versions = documents.versions(&document).await?;
        Ok(document.file_key() == file || versions.iter().any(|version| version.source == file))
    }
}
