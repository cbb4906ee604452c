//! Turning an uploaded file into a searchable segment.
//!
//! At-least-once delivery is survived by design: a lease keeps two workers apart, the segment's key is the hash
//! of its content, and one conditional write makes a generation the one that serves.

use std::time::Duration;

use futures::future::BoxFuture;
use model::{Document, Error, IndexFailure, Result, outbox::IndexMessage};
use retrieval::{ChunkOptions, ExtractError, Segment};
use sha2::{Digest as _, Sha256};
use store::{Attempt, Lease, Outcome};
use tokio::task::spawn_blocking;

use crate::{App, upload::kind_of};

/// One delivery of a queue message.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Id of the message.
    pub message_id: String,
    /// How often the queue has delivered it, this time included.
    pub attempt: u32,
}

impl Delivery {
    /// Deliveries after which the queue moves a message to its dead-letter queue.
    pub const MAX: u32 = 5;
}

/// Longest time to read one document. The extractors bound their work; this bounds what they overlook.
const READING: Duration = Duration::from_mins(1);

/// What became of a file.
struct Indexed {
    segment: Vec<u8>,
    pages: Option<u32>,
    chunks: u32,
}

impl App {
    /// Indexes a document. `Ok` means that this delivery is done with: the document is `ready`, `failed` for a
    /// reason of its own, indexed before, or gone.
    ///
    /// # Errors
    /// When the queue should deliver the message again. On the last delivery the document is marked `failed`, so
    /// that nobody waits for it; the dead-letter queue can still bring it back.
    pub fn index_document<'a>(
        &'a self,
        message: &'a IndexMessage,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let documents = self.documents(&message.org_id);
            let holder = format!("{}/{}", delivery.message_id, delivery.attempt);
            let attempt = match delivery.attempt {
                0 | 1 => Attempt::First,
                attempt if attempt < Delivery::MAX => Attempt::Again,
                _ => Attempt::Last(our_fault()),
            };
            let document = match documents
                .lease(&message.document_id, &holder, self.clock.now(), &attempt)
                .await?
            {
                Lease::Taken(document) => document,
                Lease::Finished | Lease::Gone => return Ok(()),
                Lease::Held => {
                    let retry_after = model::document::INDEX_LEASE;
                    return Err(Error::InProgress {
                        detail: "another worker holds this document",
                        retry_after,
                    });
                }
            };
            let outcome = match self.read(&document, &holder).await {
                Ok(outcome) => outcome,
                Err(error) if delivery.attempt >= Delivery::MAX => {
                    documents
                        .finish(
                            &document.id,
                            &holder,
                            document.want,
                            &Outcome::GivenUp(our_fault()),
                            self.clock.now(),
                        )
                        .await?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            // Losing here means that another worker ended this generation: its result is as good.
            documents
                .finish(&document.id, &holder, document.want, &outcome, self.clock.now())
                .await?;
            Ok(())
        })
    }

    async fn read(&self, document: &Document, holder: &str) -> Result<Outcome> {
        let source = self
            .objects
            .get(&Document::source_key(&document.org, &document.id))
            .await?;
        let bytes =
            source.ok_or_else(|| Error::internal(format!("the file of document {} is missing", document.id)))?;
        let documents = self.documents(&document.org);
        documents.progress(&document.id, holder, 20, self.clock.now()).await?;
        let kind = kind_of(document.kind);
        let reading = tokio::time::timeout(READING, spawn_blocking(move || index(&bytes, kind)));
        let Ok(indexed) = reading.await else {
            // The thread goes on until it ends by itself; what matters is that the document and its batch do not wait.
            let detail = "The document takes longer than a minute to read; split it into smaller ones.";
            let failure = IndexFailure {
                code: "too_slow".to_owned(),
                detail: detail.to_owned(),
            };
            return Ok(Outcome::Failed(failure));
        };
        let indexed = match indexed.map_err(Error::internal)? {
            Ok(indexed) => indexed,
            Err(reason) => {
                let failure = IndexFailure {
                    code: reason.code().to_owned(),
                    detail: reason.to_string(),
                };
                return Ok(Outcome::Failed(failure));
            }
        };
        documents.progress(&document.id, holder, 80, self.clock.now()).await?;
        let hash = hex::encode(&Sha256::digest(&indexed.segment)[..16]);
        let key = Document::segment_key(&document.org, &document.id, &hash);
        self.objects
            .put(&key, indexed.segment.into(), "application/octet-stream")
            .await?;
        Ok(Outcome::Ready {
            segment: key,
            pages: indexed.pages,
            chunks: indexed.chunks,
        })
    }
}

fn our_fault() -> IndexFailure {
    let detail = "The document could not be indexed because of a fault on our side; index it again later.";
    IndexFailure {
        code: "internal".to_owned(),
        detail: detail.to_owned(),
    }
}

fn index(bytes: &[u8], kind: retrieval::Kind) -> Result<Indexed, ExtractError> {
    let extracted = retrieval::extract(bytes, kind)?;
    let chunks = retrieval::chunk(&extracted, &ChunkOptions::default());
    let segment = Segment::build(&chunks);
    Ok(Indexed {
        pages: extracted.pages,
        chunks: u32::try_from(chunks.len()).unwrap_or(u32::MAX),
        segment: segment.to_bytes(),
    })
}
