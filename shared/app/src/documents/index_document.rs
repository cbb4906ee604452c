//! Turning an uploaded file into a searchable segment.
//!
//! At-least-once delivery is survived by design: a lease keeps two workers apart, the segment's key is the hash
//! of its content, and one conditional write makes a generation the one that serves.

use std::time::Duration;

use domain::{Document, Error, IndexFailure, Result, Timestamp, documents::outbox::IndexMessage};
use futures::future::{BoxFuture, Either};
use reading::{Failure, ReadOutcome};
use sha2::{Digest as _, Sha256};
use store::{Attempts, Lease, Outcome};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{App, Delivery, documents::upload::kind_of};

/// How often a worker may die while it reads a document before that is taken for the document's doing. That is rare on
/// AWS; a developer's machine may well be switched off a few times in a row.
const MAX_INTERRUPTED: u32 = 10;
/// How often what reads may die of a document.
const MAX_READER_DEATHS: u32 = 2;
/// When to look again after the lease was lost to another worker.
const AFTER_LOSS: Duration = Duration::from_secs(10);

/// Who reads in this process. On Lambda that is one worker; the local stack has several, and when it dies no one can tell
/// which document it died of. So one that was being read then is read alone from there on: a further death is about it.
#[derive(Debug, Default)]
pub(crate) struct Readings(RwLock<()>);

impl Readings {
    /// Waits for a turn to read a document with these attempts behind it, and holds it.
    async fn turn(&self, attempts: Attempts) -> Either<RwLockReadGuard<'_, ()>, RwLockWriteGuard<'_, ()>> {
        if attempts.interrupted == 0 {
            Either::Left(self.0.read().await)
        } else {
            Either::Right(self.0.write().await)
        }
    }
}

/// How an attempt to index a document ended.
enum Attempt {
    /// The document is done with.
    Ended(Outcome),
    /// What read it died. The reason is the document's once that has happened [`MAX_READER_DEATHS`] times.
    ReaderDied(IndexFailure),
}

impl App {
    /// Indexes a document. `Ok` means that this delivery is done with: the document is `ready`, `failed` for a
    /// reason of its own, indexed before, or gone.
    ///
    /// # Errors
    /// When the queue should deliver the message again. On the last delivery the document is marked `failed`, so
    /// that no one waits for it; the dead-letter queue can still bring it back.
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
            let outcome = match self.try_to_read(&document, &holder, &mut attempts).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    let now = self.clock.now();
                    if let Some(reason) = last {
                        let given_up = Outcome::Abandoned(reason);
                        documents
                            .finish(&document.id, &holder, document.want, &given_up, now)
                            .await?;
                    } else if let Err(left) = documents.release(&document.id, &holder, attempts, now).await {
                        // Best effort: the lease ends by itself.
                        tracing::warn!(document_id = %document.id, error = %left, "index.lease_left");
                    }
                    return Err(error);
                }
            };
            // Losing here means that another worker ended this generation: its result is as good.
            documents
                .finish(&document.id, &holder, document.want, &outcome, self.clock.now())
                .await?;
            Ok(())
        })
    }

    /// Reads a document, unless what became of the attempts before shows that it cannot be read.
    async fn try_to_read(&self, document: &Document, holder: &str, attempts: &mut Attempts) -> Result<Outcome> {
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

fn lease_lost() -> Error {
    Error::InProgress {
        detail: "another worker took this document over",
        retry_after: AFTER_LOSS,
    }
}

fn unreadable() -> IndexFailure {
    let detail =
        "Reading this file failed each time it was tried; save it anew or as another type, and upload it again.";
    IndexFailure {
        code: "unreadable".to_owned(),
        detail: detail.to_owned(),
    }
}

fn our_fault() -> IndexFailure {
    let detail = "The document could not be indexed because of a fault on our side; index it again later.";
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
