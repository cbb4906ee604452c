//! Indexing: turning an uploaded file into a searchable segment.
//!
//! Indexing tolerates at-least-once delivery: a lease excludes concurrent workers, the segment's key is the hash of its
//! content, and one conditional write activates a generation.

use std::time::Duration;

use domain::{Document, Error, IndexFailure, Result, Timestamp, documents::outbox::IndexMessage};
use futures::future::{BoxFuture, Either};
use reading::{Failure, ReadOutcome};
use sha2::{Digest as _, Sha256};
use store::{Attempts, Lease, Outcome};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{App, Delivery, documents::upload::kind_of};

/// Number of worker crashes while reading a document before the document is blamed. Crashes are rare on AWS, but a
/// developer's machine may be switched off several times in a row.
const MAX_INTERRUPTED: u32 = 10;
/// Number of reader crashes before the document is blamed.
const MAX_READER_DEATHS: u32 = 2;
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
enum Attempt {
    /// The document is finished.
    Ended(Outcome),
    /// The reader process crashed. After [`MAX_READER_DEATHS`] crashes the document fails for this reason.
    ReaderDied(IndexFailure),
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
            let documents = self.documents(&message.org_id);
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
                Lease::Finished | Lease::Gone => return Ok(()),
                Lease::Held(until) => return Err(held_until(until, now)),
            };
            let outcome = match self
                .try_to_read(&document, &holder, &mut attempts, delivery.receive_count)
                .await
            {
                Ok(outcome) => outcome,
                Err(error) => {
                    let now = self.clock.now();
                    if let Some(reason) = last {
                        let given_up = Outcome::Abandoned(reason);
                        documents
                            .finish(&document.id, &holder, document.want, &given_up, now)
                            .await?;
                    } else if let Err(left) = documents.release(&document.id, &holder, attempts, now).await {
                        // Best effort: the lease expires by itself.
                        tracing::warn!(document_id = %document.id, error = %left, "index.lease_left");
                    }
                    return Err(error);
                }
            };
            // A lost race means that another worker finished this generation, with an equivalent result.
            documents
                .finish(&document.id, &holder, document.want, &outcome, self.clock.now())
                .await?;
            Ok(())
        })
    }

    /// Reads a document unless earlier attempts show that it cannot be read.
    async fn try_to_read(
        &self,
        document: &Document,
        holder: &str,
        attempts: &mut Attempts,
        deliveries: u32,
    ) -> Result<Outcome> {
        let fetched;
        let document = if document.unfetched().is_some() {
            match self.fetch_file(document, holder, deliveries).await? {
                Ok(document) => {
                    fetched = document;
                    &fetched
                }
                Err(failure) => return Ok(Outcome::Failed(failure)),
            }
        } else {
            document
        };
        if attempts.interrupted >= MAX_INTERRUPTED {
            tracing::error!(document_id = %document.id, deaths = attempts.interrupted, "index.workers_died");
            return Ok(Outcome::Failed(unreadable()));
        }
        match self.read(document, holder, *attempts).await? {
            Attempt::Ended(outcome) => Ok(outcome),
            Attempt::ReaderDied(reason) => {
                attempts.reader_deaths += 1;
                if attempts.reader_deaths >= MAX_READER_DEATHS {
                    return Ok(Outcome::Failed(reason));
                }
                Err(Error::internal(format!("the reader died of document {}", document.id)))
            }
        }
    }

    async fn read(&self, document: &Document, holder: &str, attempts: Attempts) -> Result<Attempt> {
        let documents = self.documents(&document.org);
        let turn = self.readings.turn(attempts).await;
        let slot = self.reader.slot().await;
        let source = self
            .objects
            .read(&Document::source_key(&document.org, &document.id))
            .await?;
        let file = source.ok_or_else(|| Error::internal(format!("the file of document {} is missing", document.id)))?;
        if !documents.begin_reading(&document.id, holder, self.clock.now()).await? {
            return Err(lease_lost());
        }
        let reading = slot.read(kind_of(document.kind), document.size_bytes, file.into_async_read());
        let indexed = match reading.await.map_err(Error::unavailable)? {
            ReadOutcome::Indexed(indexed) => indexed,
            ReadOutcome::Refused(failure) => return Ok(Attempt::Ended(Outcome::Failed(reason(failure)))),
            ReadOutcome::Died { failure, cause } => {
                tracing::warn!(document_id = %document.id, code = failure.code, cause, "index.reader_died");
                return Ok(Attempt::ReaderDied(reason(failure)));
            }
        };
        if !documents.end_reading(&document.id, holder, self.clock.now()).await? {
            return Err(lease_lost());
        }
        drop(turn);
        let hash = hex::encode(&Sha256::digest(&indexed.segment)[..16]);
        let key = Document::segment_key(&document.org, &document.id, &hash);
        self.objects
            .put(&key, indexed.segment.into(), "application/octet-stream")
            .await?;
        Ok(Attempt::Ended(Outcome::Ready {
            segment: key,
            pages: indexed.pages,
            chunks: indexed.chunks,
        }))
    }
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
