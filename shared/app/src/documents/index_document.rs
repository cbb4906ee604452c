//! Indexing: turning an uploaded file into a searchable segment.
//!
//! Indexing tolerates at-least-once delivery: a lease excludes concurrent workers, the segment's key is the hash of its
//! content, and one conditional write activates a generation.
//!
//! A long file takes several deliveries of its message. The pages that a run has read are an object beside the file (a
//! checkpoint), and the next run continues after them.

use std::time::Duration;

use domain::{
    Document, Error, IndexFailure, Result, Timestamp, documents::document::Checkpoint, documents::outbox::IndexMessage,
};
use futures::future::{BoxFuture, Either};
use reading::{Failure, File, Progress, ReadOutcome, Reading};
use sha2::{Digest as _, Sha256};
use store::{Attempts, Lease, Outcome};
use tokio::{
    io::AsyncRead,
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{checkpoints::Pages, duplicates::READER_VERSION, upload::kind_of};
use crate::{App, Delivery};

/// Number of worker crashes while reading a document before the document is blamed. Crashes are rare on AWS, but a
/// developer's machine may be switched off several times in a row.
const MAX_INTERRUPTED: u32 = 10;
/// Number of reader crashes before the document is blamed.
const MAX_READER_DEATHS: u32 = 2;
/// Progress when reading begins.
const FIRST_PERCENT: u8 = 5;
/// How often progress is recorded.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// When to retry after the lease was lost to another worker.
const AFTER_LOSS: Duration = Duration::from_secs(10);

/// Coordinates readers in this process. On Lambda there is one worker. The local stack has several, and if it crashes
/// the responsible document is unknown, so a document that was being read is then read alone: a further crash is due to
/// it.
#[derive(Debug, Default)]
pub(crate) struct Readings(RwLock<()>);

impl Readings {
    /// Waits for permission to read a document after these attempts, and holds it.
    async fn turn(&self, attempts: Attempts) -> Either<RwLockReadGuard<'_, ()>, RwLockWriteGuard<'_, ()>> {
        if attempts.interrupted == 0 {
            Either::Left(self.0.read().await)
        } else {
            Either::Right(self.0.write().await)
        }
    }
}

/// Result of an attempt to index a document.
pub(super) enum Attempt {
    /// The document is finished.
    Ended(Outcome),
    /// The reader process crashed. After [`MAX_READER_DEATHS`] crashes at the same page the document fails for this reason.
    ReaderDied(IndexFailure),
    /// Some pages were read; the next delivery continues.
    Continues(Checkpoint),
    /// Pages are to be transcribed; another message continues.
    Transcribing(Checkpoint),
}

impl Attempt {
    pub(super) fn failed(reason: IndexFailure) -> Self {
        Self::Ended(Outcome::Failed(reason))
    }
}

impl App {
    /// Indexes a document. `Ok` means that the delivery is finished: the document is `ready`, `failed` for a reason of
    /// its own, already indexed, or deleted.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again. On the last delivery the document is marked
    /// `failed`, so that nobody waits for it; a redrive from the dead-letter queue can still index it.
    pub fn index_document<'a>(
        &'a self,
        message: &'a IndexMessage,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let documents = self.store.documents(&message.org_id);
            let (holder, now) = (delivery.holder(), self.clock.now());
            let last = delivery.is_last().then(our_fault);
            let lease = documents.lease(
                &message.document_id,
                &holder,
                (now, delivery.lease_end()),
                last.as_ref(),
            );
            let (document, mut attempts) = match lease.await? {
                Lease::Taken(document, attempts) => (document, attempts),
                // It may have ended before its vectors were requested.
                Lease::Finished => {
                    return self
                        .request_missing_embedding(&message.org_id, &message.document_id)
                        .await;
                }
                Lease::Gone => return Ok(()),
                Lease::Held(until) => return Err(held_until(until, now)),
            };
            // Its file is another one than that in use.
            let wanted = self.wanted_version(&document).await?;
            let document = match &wanted {
                Some(version) => document.with_file_of(version),
                None => *document,
            };
            let outcome = match self
                .try_to_read(&document, &holder, &mut attempts, delivery.receive_count)
                .await
            {
                Ok(Some(outcome)) => outcome,
                Ok(None) => return Ok(()),
                Err(error) => {
                    let now = self.clock.now();
                    if let Some(reason) = last {
                        let given_up = Outcome::Abandoned(reason);
                        let event = self.indexing_event(&document, &given_up).await?;
                        let outcome = (&given_up, event.as_deref());
                        documents
                            .finish(&document.id, &holder, document.want, outcome, now)
                            .await?;
                    } else if let Err(left) = documents.release(&document, &holder, attempts, now).await {
                        // Best effort: the lease expires by itself.
                        tracing::warn!(document_id = %document.id, error = %left, "index.lease_left");
                    }
                    return Err(error);
                }
            };
            let outcome = match wanted {
                Some(version) => self.outcome_of_version(&document, version, outcome).await?,
                None => outcome,
            };
            let generation = document.want;
            let event = self.indexing_event(&document, &outcome).await?;
            let result = (&outcome, event.as_deref());
            let is_finished = documents
                .finish(&document.id, &holder, generation, result, self.clock.now())
                .await?;
            self.delete_checkpoint(&document).await;
            self.delete_unused_segment(&document, &outcome, is_finished).await?;
            if is_finished && matches!(outcome, Outcome::Ready { .. }) {
                self.request_embedding(&message.org_id, &message.document_id).await?;
            }
            Ok(())
        })
    }

    /// Reads a document unless earlier attempts show that it cannot be read. Returns `None` if another message continues.
    async fn try_to_read(
        &self,
        document: &Document,
        holder: &str,
        attempts: &mut Attempts,
        deliveries: u32,
    ) -> Result<Option<Outcome>> {
        let fetched;
        let document = if document.unfetched().is_some() {
            match self.fetch_file(document, holder, deliveries).await? {
                Ok(document) => {
                    fetched = document;
                    &fetched
                }
                Err(failure) => return Ok(Some(Outcome::Failed(failure))),
            }
        } else {
            document
        };
        if attempts.interrupted >= MAX_INTERRUPTED {
            tracing::error!(document_id = %document.id, deaths = attempts.interrupted, "index.workers_died");
            return Ok(Some(Outcome::Failed(unreadable())));
        }
        if let Some(outcome) = self.take_over(document, deliveries).await? {
            return Ok(Some(outcome));
        }
        match self.read(document, holder, *attempts).await? {
            Attempt::Ended(outcome) => Ok(Some(outcome)),
            Attempt::Continues(checkpoint) => {
                self.pause(document, holder, attempts, &checkpoint).await?;
                Err(Error::InProgress {
                    detail: "the document continues in another delivery",
                    retry_after: Duration::ZERO,
                })
            }
            Attempt::Transcribing(checkpoint) => {
                self.pause(document, holder, attempts, &checkpoint).await?;
                // Not this message again: its deliveries are limited, and a document has thousands of pages.
                let message = IndexMessage {
                    org_id: document.org.clone(),
                    document_id: document.id.clone(),
                };
                self.queues.send(&message).await?;
                Ok(None)
            }
            Attempt::ReaderDied(reason) => {
                attempts.reader_deaths += 1;
                if attempts.reader_deaths >= MAX_READER_DEATHS {
                    return Ok(Some(Outcome::Failed(reason)));
                }
                Err(Error::internal(format!("the reader died of document {}", document.id)))
            }
        }
    }

    /// Stores a checkpoint and releases the document for whoever continues.
    async fn pause(
        &self,
        document: &Document,
        holder: &str,
        attempts: &mut Attempts,
        checkpoint: &Checkpoint,
    ) -> Result<()> {
        // Another page than the one at which earlier readers died.
        attempts.reader_deaths = 0;
        let documents = self.store.documents(&document.org);
        let now = self.clock.now();
        if !documents
            .pause(&document.id, holder, checkpoint, *attempts, now)
            .await?
        {
            return Err(lease_lost());
        }
        // The same pages as before are stored under the same key.
        if document
            .checkpoint
            .as_ref()
            .is_some_and(|before| before.key != checkpoint.key)
        {
            self.delete_checkpoint(document).await;
        }
        Ok(())
    }

    /// Deletes the segment that nothing can read any more: the one before the replaced one or, if the document was
    /// deleted meanwhile, the one that this worker has just stored. A lost race with another worker leaves an equal one.
    async fn delete_unused_segment(&self, document: &Document, outcome: &Outcome, is_finished: bool) -> Result<()> {
        let Outcome::Ready { segment, replaced, .. } = outcome else {
            return Ok(());
        };
        let unused = if is_finished {
            document.replaced_segment.as_ref()
        } else {
            let found = self.store.documents(&document.org).get(&document.id).await?;
            found.is_none().then_some(segment)
        };
        let is_in_use = |key: &&String| is_finished && (*key == segment || Some(*key) == replaced.as_ref());
        match unused.filter(|key| !is_in_use(key)) {
            Some(key) => self.objects.delete(key).await,
            None => Ok(()),
        }
    }

    async fn read(&self, document: &Document, holder: &str, attempts: Attempts) -> Result<Attempt> {
        let documents = self.store.documents(&document.org);
        let earlier = self.earlier_pages(document).await?;
        let known = Pages::parse(&earlier)?;
        if let Some(model) = self.transcription_model(document, &known).await? {
            return self.transcribe(document, &model, known).await;
        }
        let turn = self.readings.turn(attempts).await;
        let slot = self.reader.slot().await;
        let file = self.source_of(document).await?;
        let begun = document.checkpoint.as_ref().map_or(FIRST_PERCENT, Checkpoint::percent);
        if !documents
            .begin_reading(&document.id, holder, begun, self.clock.now())
            .await?
        {
            return Err(lease_lost());
        }
        let file = File {
            pages: &earlier,
            ..File::new(kind_of(document.kind), document.size_bytes, file)
        };
        let progress = Progress::default();
        let reading = slot.read(file, &progress);
        let reading = self.with_progress(document, holder, &progress, reading).await;
        let Reading { outcome, pages, .. } = reading.map_err(Error::unavailable)?;
        let pages = Pages::parse(&[earlier.as_slice(), &pages].concat())?;
        if matches!(outcome, ReadOutcome::Indexed(_) | ReadOutcome::Refused(_))
            && self.transcription_model(document, &pages).await?.is_some()
        {
            return self.store_pages(document, &pages).await.map(Attempt::Transcribing);
        }
        let transcribed_pages = pages.transcribed();
        let indexed = match outcome {
            ReadOutcome::Indexed(indexed) => indexed,
            ReadOutcome::Refused(failure) => return Ok(Attempt::Ended(Outcome::Failed(reason(failure)))),
            ReadOutcome::Unfinished => {
                return self.store_pages(document, &pages).await.map(Attempt::Continues);
            }
            ReadOutcome::Died { failure, cause } => {
                tracing::warn!(document_id = %document.id, code = failure.code, cause, "index.reader_died");
                return Ok(Attempt::ReaderDied(reason(failure)));
            }
        };
        if !documents.end_reading(&document.id, holder, self.clock.now()).await? {
            return Err(lease_lost());
        }
        drop(turn);
        let key = segment_of_bytes(document, &indexed.segment);
        self.objects
            .put(&key, indexed.segment.into(), "application/octet-stream")
            .await?;
        Ok(Attempt::Ended(Outcome::Ready {
            replaced: document.segment.clone().filter(|replaced| *replaced != key),
            segment: key,
            pages: indexed.pages,
            chunks: indexed.chunks,
            transcribed_pages,
            reader_version: READER_VERSION,
            duplicate_of: None,
            version: None,
        }))
    }

    /// Returns the uploaded file.
    pub(super) async fn source_of(&self, document: &Document) -> Result<impl AsyncRead + use<>> {
        let source = self.objects.read(&document.file_key()).await?;
        let file = source.ok_or_else(|| Error::internal(format!("the file of document {} is missing", document.id)))?;
        Ok(file.into_async_read())
    }

    /// Records now and then how far a reading is, until it ends.
    async fn with_progress<T>(
        &self,
        document: &Document,
        holder: &str,
        progress: &Progress,
        reading: impl Future<Output = T>,
    ) -> T {
        let documents = self.store.documents(&document.org);
        let mut timer = tokio::time::interval(PROGRESS_INTERVAL);
        let mut known = document.checkpoint.as_ref().map_or(FIRST_PERCENT, Checkpoint::percent);
        tokio::pin!(reading);
        loop {
            tokio::select! {
                read = &mut reading => return read,
                _ = timer.tick() => {}
            }
            let (pages, of) = *progress.borrow();
            let percent = Checkpoint::percent_of(pages, of);
            if percent > known {
                known = percent;
                let now = self.clock.now();
                // Best effort: the next one follows.
                let recorded = documents.record_progress(&document.id, holder, percent, now).await;
                if let Err(error) = recorded {
                    tracing::warn!(document_id = %document.id, %error, "index.progress_not_recorded");
                }
            }
        }
    }
}

/// Returns the object key of a segment with this content.
pub(crate) fn segment_of_bytes(document: &Document, segment: &[u8]) -> String {
    let hash = hex::encode(&Sha256::digest(segment)[..16]);
    Document::segment_key(&document.org, &document.id, &hash)
}

fn held_until(until: Timestamp, now: Timestamp) -> Error {
    Error::InProgress {
        detail: "another worker holds this document",
        retry_after: Duration::try_from(until.duration_since(now)).unwrap_or_default(),
    }
}

pub(crate) fn lease_lost() -> Error {
    Error::InProgress {
        detail: "another worker took this document over",
        retry_after: AFTER_LOSS,
    }
}

fn unreadable() -> IndexFailure {
    let detail = "Every attempt to read this file failed. Save it again or as another file type, and upload it again.";
    IndexFailure {
        code: "unreadable".to_owned(),
        detail: detail.to_owned(),
    }
}

fn our_fault() -> IndexFailure {
    let detail = "The document could not be indexed because of an internal error. Reindex it later.";
    IndexFailure {
        code: "internal".to_owned(),
        detail: detail.to_owned(),
    }
}

fn reason(failure: Failure) -> IndexFailure {
    IndexFailure {
        code: failure.code,
        detail: failure.detail,
    }
}
