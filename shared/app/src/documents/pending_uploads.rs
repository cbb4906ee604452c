//! Uploads that go straight to the bucket: announced, put by the client, completed.
//!
//! The signature of the link covers the length, the media type and `If-None-Match: *`, so what is put is as large as
//! was announced, and is never replaced while it is there. The announcement and the document are never there together:
//! one transaction turns the one into the other, whoever else tries. A file may arrive when its upload was given up or
//! its organization erased, until the last request that began in time has ended; so with each announcement goes the
//! promise to look into the bucket a day after its end, when nothing can arrive any more.

use domain::{
    Document, DocumentId, Error, Membership, PendingUpload, Result, documents::pending_upload::UploadSweep, time::after,
};
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use store::PresignedPut;

use crate::{
    App,
    documents::upload::{kind_by_name, kind_of},
    platform::batch_outcome::BatchOutcome,
};

/// A file that someone will put into the bucket.
#[derive(Debug)]
pub struct NewUpload {
    /// Name shown in lists and citations.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Name of the file; its ending says how it is read.
    pub file_name: String,
    /// Exact size, bytes.
    pub size_bytes: u64,
    /// The media type that will be sent; by default that of the ending.
    pub content_type: Option<String>,
}

/// An upload that was announced.
#[derive(Debug)]
pub struct BegunUpload {
    /// The upload.
    pub upload: PendingUpload,
    /// How to put its file.
    pub put: PresignedPut,
    /// Largest file that the plan allows, bytes.
    pub max_size_bytes: u64,
}

/// An upload that was completed.
#[derive(Debug)]
pub struct CompletedUpload {
    /// What it became.
    pub document: Document,
    /// Whether this call completed it, and not an earlier one.
    pub is_new: bool,
}

impl App {
    /// Announces a file; returns where and how to put it.
    ///
    /// # Errors
    /// [`Error::UnsupportedMedia`] by the file's ending; [`Error::Invalid`] at `/size` for a larger file than the plan
    /// allows, [`Error::Limit`] when it has no room for it.
    pub fn begin_upload<'a>(&'a self, member: &'a Membership, new: NewUpload) -> BoxFuture<'a, Result<BegunUpload>> {
        Box::pin(async move {
            let kind = kind_by_name(&new.file_name)?;
            let org = self.store.orgs().get(&member.org).await?;
            let org = org.ok_or(Error::NotFound("organization"))?.org;
            PendingUpload::check_size(new.size_bytes, org.plan)?;
            let now = self.clock.now();
            let upload = PendingUpload {
                id: self.ids.make()?,
                org: member.org.clone(),
                created_by: member.member.clone(),
                name: new.name,
                description: new.description,
                file_name: new.file_name,
                kind,
                size_bytes: new.size_bytes,
                created_at: now,
                expires_at: after(now, PendingUpload::LIFETIME),
            };
            let content_type = new.content_type.as_deref().unwrap_or(kind_of(kind).content_type());
            let key = Document::source_key(&upload.org, &upload.id);
            let put = self
                .objects
                .presign_put(&key, content_type, upload.size_bytes, PendingUpload::LIFETIME)
                .await?;
            // No one has the link before this is written, so nothing can arrive that is not looked for.
            let uploads = self.store.pending_uploads(&upload.org);
            while !uploads.begin(&upload, org.plan).await? {
                self.make_room(&upload.org, upload.size_bytes, org.plan).await?;
            }
            Ok(BegunUpload {
                upload,
                put,
                max_size_bytes: org.plan.limits().file_bytes,
            })
        })
    }

    /// Turns an announced file that has arrived into a document, and asks for it to be indexed. Calling it again returns
    /// the same document.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an upload that there is not; [`Error::Gone`] `upload_expired`; [`Error::Conflict`]
    /// `file_missing` before the file is there; [`Error::Invalid`] at `/size` for a file of another size.
    pub fn complete_upload<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a DocumentId,
    ) -> BoxFuture<'a, Result<CompletedUpload>> {
        Box::pin(async move {
            let uploads = self.store.pending_uploads(&member.org);
            let Some(upload) = uploads.get(id).await? else {
                return self.completed_before(member, id).await;
            };
            if upload.is_expired(self.clock.now()) {
                return Err(Error::Gone {
                    code: "upload_expired",
                    detail: "This upload was not completed in time; begin a new one.",
                });
            }
            let sha256 = self.digest_of_file(&upload).await?;
            let document = upload.into_document(sha256, self.clock.now());
            let Some(promise) = uploads.complete(&document, document.created_at).await? else {
                return self.completed_before(member, id).await;
            };
            self.ask_for_indexing(&promise).await;
            Ok(CompletedUpload { document, is_new: true })
        })
    }

    async fn completed_before(&self, member: &Membership, id: &DocumentId) -> Result<CompletedUpload> {
        let document = self.documents(&member.org).get(id).await?;
        Ok(CompletedUpload {
            document: document.ok_or(Error::NotFound("upload"))?,
            is_new: false,
        })
    }

    /// Hex SHA-256 of the file in the bucket, read in pieces: it may be larger than the memory of a function.
    async fn digest_of_file(&self, upload: &PendingUpload) -> Result<String> {
        let key = Document::source_key(&upload.org, &upload.id);
        let Some(mut file) = self.objects.read(&key).await? else {
            let detail = "The file has not arrived; put it to the `url` of the upload first, then complete it.";
            return Err(Error::conflict("file_missing", detail));
        };
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = file.try_next().await.map_err(Error::unavailable)? {
            bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            digest.update(&piece);
        }
        if bytes != upload.size_bytes {
            let detail = format!(
                "is {}, but the file that arrived has {bytes} bytes; begin a new upload",
                upload.size_bytes
            );
            return Err(Error::invalid("/size", detail));
        }
        Ok(hex::encode(digest.finalize()))
    }

    /// Removes files that no document has, for which none can arrive any more; returns how many uploads were looked at.
    ///
    /// # Errors
    /// When a service does not answer; what was not done is found again by the next run.
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
        // It ended a day ago; without it, it cannot become a document behind the look that follows.
        self.store.pending_uploads(&sweep.org).remove(&sweep.document).await?;
        if self.documents(&sweep.org).get(&sweep.document).await?.is_none() {
            let folder = Document::folder(&sweep.org, &sweep.document);
            self.objects.delete_below(&folder).await?;
        }
        self.store.upload_sweeps().remove(sweep).await
    }
}
