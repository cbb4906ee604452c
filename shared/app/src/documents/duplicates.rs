//! Files with the same bytes in one organization are read once: a later document takes over the segment of an earlier
//! one as a copy of its own, so that neither depends on the other.
//!
//! Of documents that are uploaded at the same time, the later ones wait for the first, for a bounded time.

use std::time::Duration;

use domain::{Document, DocumentId, DocumentStatus, Error, Result};
use retrieval::Segment;
use store::Outcome;

use super::index_document::segment_of_bytes;
use crate::App;

/// Version of what turns a file into a segment: extraction, passages and index. Increase it when the same file gives
/// another segment, so that no segment of an earlier version is taken over.
pub(crate) const READER_VERSION: u32 = 1;

/// How long a worker waits for another one that reads the same bytes.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How often it looks.
const PAUSE: Duration = Duration::from_millis(100);
/// After that, when the message comes back.
const RETRY: Duration = Duration::from_secs(10);
/// How many deliveries wait for a document that is being read.
const MAX_DELIVERIES_WHILE_READ: u32 = 20;
/// How many deliveries wait for one that no worker has begun.
const MAX_DELIVERIES_WHILE_PENDING: u32 = 3;

/// An equal document.
enum Equal {
    /// It is ready, and its segment is what reading the file again would give.
    Ready(Box<Document>),
    /// It was uploaded earlier and is not finished.
    Unfinished(DocumentStatus),
}

impl App {
    /// Returns the earlier document of the organization whose file has the same bytes.
    pub(crate) async fn original_of(&self, document: &Document) -> Result<Option<DocumentId>> {
        let found = self.store.documents(&document.org).with_same_content(document).await?;
        Ok(found.into_iter().next())
    }

    /// Takes over the segment of a document with the same bytes. Returns `None` if the file has to be read.
    ///
    /// # Errors
    /// Returns [`Error::InProgress`] while another worker reads the same bytes.
    #[expect(
        clippy::disallowed_methods,
        reason = "the other worker is done in a moment, or the message returns"
    )]
    pub(crate) async fn take_over(&self, document: &Document, deliveries: u32) -> Result<Option<Outcome>> {
        let is_reread = document.segment.is_some() && document.wanted_version.is_none();
        if is_reread || document.checkpoint.is_some() {
            // Somebody wants it to be read again, or it has been begun.
            return Ok(None);
        }
        let mut waited = Duration::ZERO;
        loop {
            match self.equal_document(document).await? {
                None => return Ok(None),
                Some(Equal::Ready(original)) => return self.copy_segment(document, &original).await,
                Some(Equal::Unfinished(_)) if waited < MAX_WAIT => {
                    tokio::time::sleep(PAUSE).await;
                    waited += PAUSE;
                }
                Some(Equal::Unfinished(status)) => {
                    let patience = if status == DocumentStatus::Processing {
                        MAX_DELIVERIES_WHILE_READ
                    } else {
                        MAX_DELIVERIES_WHILE_PENDING
                    };
                    if deliveries >= patience {
                        return Ok(None);
                    }
                    return Err(Error::InProgress {
                        detail: "another worker reads a file with the same bytes",
                        retry_after: RETRY,
                    });
                }
            }
        }
    }

    async fn equal_document(&self, document: &Document) -> Result<Option<Equal>> {
        let documents = self.store.documents(&document.org);
        let mut unfinished = None;
        for id in documents.with_same_content(document).await? {
            let Some(other) = documents.get(&id).await? else {
                continue;
            };
            // The name of a file may decide how it is read.
            if other.kind != document.kind || other.sha256 != document.sha256 {
                continue;
            }
            if other.segment.is_some() && other.reader_version == READER_VERSION {
                return Ok(Some(Equal::Ready(Box::new(other))));
            }
            // Only for earlier ones, so that no two wait for each other.
            let is_coming = other.is_unfinished() && other.status != DocumentStatus::Failed && other.segment.is_none();
            if is_coming && other.id < document.id && unfinished.is_none() {
                unfinished = Some(Equal::Unfinished(other.status));
            }
        }
        Ok(unfinished)
    }

    async fn copy_segment(&self, document: &Document, original: &Document) -> Result<Option<Outcome>> {
        let (Some(key), Some(chunks)) = (&original.segment, original.chunks) else {
            return Ok(None);
        };
        let Some(bytes) = self.objects.get(key).await? else {
            // It was deleted or indexed again meanwhile.
            return Ok(None);
        };
        if Segment::from_bytes(&bytes).is_err() {
            return Ok(None);
        }
        let key = segment_of_bytes(document, &bytes);
        self.objects.put(&key, bytes, "application/octet-stream").await?;
        tracing::info!(document_id = %document.id, "index.segment_taken_over");
        Ok(Some(Outcome::Ready {
            version: None,
            replaced: document.segment.clone().filter(|replaced| *replaced != key),
            pages: original.pages,
            transcribed_pages: original.transcribed_pages,
            chunks,
            segment: key,
            reader_version: original.reader_version,
            duplicate_of: Some(original.id.clone()),
        }))
    }
}
