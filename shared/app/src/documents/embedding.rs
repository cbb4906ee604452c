//! Embedding: giving the passages of a searchable document their vectors.
//!
//! A document is searchable by its words first. Then a message plans batches of passages, a message each, which many
//! workers embed side by side: a batch is stored as an object, and its number is added to a set of the document. Whoever
//! completes the set makes a segment with all vectors, and one conditional write puts it in the place of the one without.
//! Deliveries may be repeated, late and in any order: a batch names the segment it belongs to, and is dropped if another
//! one is in use.
//!
//! If the model cannot be used and somebody has to act, or the last delivery fails, the plan says why, and what is missing is
//! made when it is requested again. Batches that are finished stay, so nothing is paid twice.
//!
//! Vectors of an earlier segment are taken over for passages with the same text, so a new version embeds only what changed.

use std::{sync::Arc, time::Duration};

use domain::{
    Document, DocumentId, EmbedPassagesMessage, Error, IndexFailure, OrgId, Result,
    documents::embedding::{Embedding, EmbeddingBatch},
};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use retrieval::{Embedder, Segment, Vectors};

use super::{
    document_embedder::{DocumentEmbedder, is_final, reason},
    index_document::segment_of_bytes,
    vector_batches::{batch_key, batches_by, batches_of, decode, encode},
};
use crate::{App, Delivery};

/// Messages sent and objects read at the same time.
const PARALLEL: usize = 16;
/// When to look again at a document that is being indexed.
const AFTER_INDEXING: Duration = Duration::from_secs(10);

impl App {
    /// Requests vectors for the passages of a document that has just become searchable, if there is a model.
    pub(super) async fn request_embedding(&self, org: &OrgId, id: &DocumentId) -> Result<()> {
        if self.document_embedder_id(org).await?.is_none() {
            return Ok(());
        }
        self.queue_embedding(org, id).await
    }

    /// Queues the message by which the vectors of a document are planned.
    pub(super) async fn queue_embedding(&self, org: &OrgId, id: &DocumentId) -> Result<()> {
        let message = EmbedPassagesMessage {
            org_id: org.clone(),
            document_id: id.clone(),
            batch: None,
        };
        self.queues.send(&message).await
    }

    /// The same for a document whose indexing may have ended before it was requested.
    pub(super) async fn request_missing_embedding(&self, org: &OrgId, id: &DocumentId) -> Result<()> {
        match self.store.documents(org).get(id).await? {
            Some(document) if document.segment.is_some() && document.embedding.is_none() => {
                self.request_embedding(org, id).await
            }
            _ => Ok(()),
        }
    }

    /// Plans the batches of a document, or embeds one of them. `Ok` means that the delivery is finished: done, done
    /// before, or out of date.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again.
    pub fn embed_passages<'a>(
        &'a self,
        message: &'a EmbedPassagesMessage,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let documents = self.store.documents(&message.org_id);
            let Some(document) = documents.get(&message.document_id).await? else {
                return Ok(());
            };
            let Some(embedder) = self.document_embedder(&message.org_id).await? else {
                return Ok(());
            };
            let Some(batch) = &message.batch else {
                return self.plan_batches(document, &embedder).await;
            };
            let (id, planned) = (document.id.clone(), document.embedding.clone());
            let Err(error) = self.embed_batch(document, batch, &embedder).await else {
                return Ok(());
            };
            let (is_final, is_ours) = (is_final(&error), matches!(error, Error::InProgress { .. }));
            if is_final || (delivery.is_last() && !is_ours) {
                let failure = not_embedded(&reason(&error));
                let embedder = planned.map(|planned| planned.embedder).unwrap_or_default();
                let recorded = documents.record_embedding_failure(&id, &batch.segment, &embedder, &failure);
                if recorded.await? {
                    tracing::info!(document_id = %id, embedder, %error, "embedding.given_up");
                }
            }
            if is_final { Ok(()) } else { Err(error) }
        })
    }

    async fn plan_batches(&self, document: Document, embedder: &DocumentEmbedder) -> Result<()> {
        let Some(key) = document.segment.clone() else {
            return Ok(());
        };
        let id = embedder.id();
        if document.embedding.as_ref().is_some_and(|planned| planned.is_by(&id)) {
            return self.send_batches(&document, &id).await;
        }
        let Some(segment) = self.segment(&key).await? else {
            // Another one is in use by now, and has a message of its own.
            return Ok(());
        };
        let mut planned = (*segment).clone();
        if let Some(replaced) = &document.replaced_segment {
            // Batches of it that were not finished.
            self.objects.delete_below(&batches_of(replaced)).await?;
            if let Some(earlier) = self.segment(replaced).await? {
                planned = planned.with_vectors_of(&earlier, &id);
            }
        }
        if let Some(before) = document.embedding.as_ref().filter(|before| before.embedder != id) {
            self.objects.delete_below(&batches_by(&key, &before.embedder)).await?;
        }
        let missing = planned.chunks_without_vectors(&id).len();
        let embedding = Embedding::new(
            id.clone(),
            embedder.host(),
            narrow(planned.len() - missing),
            narrow(missing),
        );
        let documents = self.store.documents(&document.org);
        let planned = if planned == *segment {
            let read = document.embedding.as_ref();
            let is_planned = documents.plan_embedding(&document.id, &key, read, &embedding).await?;
            is_planned.then_some(Document {
                embedding: Some(embedding),
                embedded_batches: std::collections::BTreeSet::new(),
                ..document
            })
        } else {
            self.put_in_place(&document, &key, &planned, &embedding).await?
        };
        match planned {
            Some(document) => self.send_batches(&document, &id).await,
            // Another delivery was first, or the document is being indexed.
            None => Err(indexed_meanwhile()),
        }
    }

    /// Sends a message for each batch that is not finished.
    async fn send_batches(&self, document: &Document, embedder: &str) -> Result<()> {
        let (Some(segment), Some(embedding)) = (&document.segment, &document.embedding) else {
            return Ok(());
        };
        if embedding.embedder != embedder {
            return Ok(());
        }
        let is_missing = |number: &u32| !document.embedded_batches.contains(number);
        let mut missing: Vec<u32> = (0..embedding.batches()).filter(is_missing).collect();
        if missing.is_empty() && embedding.batches() > 0 {
            // All are finished and not put together: the delivery of any of them does it.
            missing.push(0);
        }
        stream::iter(missing)
            .map(|number| async move {
                let message = EmbedPassagesMessage {
                    org_id: document.org.clone(),
                    document_id: document.id.clone(),
                    batch: Some(EmbeddingBatch {
                        segment: segment.clone(),
                        number,
                    }),
                };
                self.queues.send(&message).await
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await
    }

    async fn embed_batch(
        &self,
        mut document: Document,
        batch: &EmbeddingBatch,
        embedder: &DocumentEmbedder,
    ) -> Result<()> {
        let id = embedder.id();
        let Some(planned) = planned_for(&document, &batch.segment) else {
            return Ok(());
        };
        if planned.failure.is_some() {
            // What is missing is made when it is requested again.
            return Ok(());
        }
        if planned.embedder != id {
            // No text goes to a model that the organization no longer wants.
            return Err(Error::Forbidden {
                code: "embedding_model_changed",
                detail: "The organization has chosen another embedding model meanwhile.",
            });
        }
        let Some(segment) = self.segment(&batch.segment).await? else {
            return Ok(());
        };
        let missing = segment.chunks_without_vectors(&id);
        let size = planned.batch.max(1) as usize;
        let Some(chunks) = missing.chunks(size).nth(batch.number as usize) else {
            return Ok(());
        };
        if !document.embedded_batches.contains(&batch.number) {
            let key = batch_key(&batch.segment, &id, batch.number);
            if self.objects.get(&key).await?.is_none() {
                let texts: Vec<String> = chunks
                    .iter()
                    .filter_map(|chunk| segment.text_to_embed(*chunk))
                    .collect();
                let made = self.passage_vectors(&document, embedder, texts).await?;
                self.objects
                    .put(&key, encode(&made).into(), "application/octet-stream")
                    .await?;
            }
            let documents = self.store.documents(&document.org);
            let recorded = documents.record_embedded(&document.id, &batch.segment, &id, batch.number);
            match recorded.await? {
                Some(recorded) => document = recorded,
                // Deleted, or another segment or embedder is in use.
                None => return self.objects.delete(&key).await,
            }
        }
        let batches = planned_for(&document, &batch.segment).map_or(0, Embedding::batches);
        if document.embedded_batches.len() < batches as usize {
            return Ok(());
        }
        self.put_together(&document, &batch.segment, &segment, embedder).await
    }

    /// Makes the segment with the vectors of all batches.
    async fn put_together(
        &self,
        document: &Document,
        key: &str,
        segment: &Segment,
        embedder: &DocumentEmbedder,
    ) -> Result<()> {
        let id = embedder.id();
        let Some(embedding) = planned_for(document, key).filter(|planned| planned.embedder == id) else {
            return Ok(());
        };
        let missing = segment.chunks_without_vectors(&id);
        let numbers = 0..embedding.batches();
        let keys: Vec<String> = numbers.map(|number| batch_key(key, &id, number)).collect();
        let batches: Vec<_> = stream::iter(keys.clone())
            .map(|key| async move { self.objects.get(&key).await })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let built_in = match embedder {
            DocumentEmbedder::BuiltIn(model) => Some(model.embedder.dimensions),
            DocumentEmbedder::Provider(_) => None,
        };
        let mut decoded = Vec::with_capacity(keys.len());
        for (chunks, batch) in missing.chunks(embedding.batch.max(1) as usize).zip(batches) {
            match batch.and_then(|batch| decode(&batch, chunks.len(), built_in)) {
                Some(vectors) => decoded.push((chunks, vectors)),
                None => return self.without_batch(document, key).await,
            }
        }
        let own = segment.vectors_of(&id);
        let known = own.map(|own| own.embedder().dimensions);
        let mut lengths = known.into_iter().chain(decoded.iter().map(|(_, made)| made.0));
        let dimensions = lengths.next().unwrap_or_default();
        if lengths.any(|length| length != dimensions) {
            // What is behind its name has changed. Nothing of it can be compared, so nothing of it is kept.
            let plain = segment.clone().without_vectors();
            let fresh = Embedding::new(id, embedder.host(), 0, narrow(plain.len()));
            let failed = Embedding {
                failure: Some(not_embedded("the vectors of its model have several lengths")),
                ..fresh
            };
            self.objects.delete_below(&batches_by(key, &embedding.embedder)).await?;
            return self.put_in_place(document, key, &plain, &failed).await.map(drop);
        }
        let mut vectors = match own {
            Some(own) => own.clone(),
            None => Vectors::new(
                Embedder {
                    id: id.clone(),
                    dimensions,
                },
                segment.len(),
            ),
        };
        for (chunk, vector) in decoded
            .into_iter()
            .flat_map(|(chunks, (_, made))| chunks.iter().zip(made))
        {
            if let Some(vector) = vector {
                vectors.set(*chunk, &vector);
            }
        }
        let embedding = Embedding::new(id, embedder.host(), narrow(vectors.count()), 0);
        let complete = segment.clone().with_vectors(vectors);
        match self.put_in_place(document, key, &complete, &embedding).await? {
            Some(_) => {
                for key in &keys {
                    self.objects.delete(key).await?;
                }
                Ok(())
            }
            None => self.not_replaced(document, key).await,
        }
    }

    /// Stores a segment and puts it in the place of the one under `key`. Returns the document, or `None` if another
    /// segment is in use or the document is being indexed.
    async fn put_in_place(
        &self,
        document: &Document,
        key: &str,
        segment: &Segment,
        embedding: &Embedding,
    ) -> Result<Option<Document>> {
        let bytes = segment.to_bytes();
        let new = segment_of_bytes(document, &bytes);
        self.objects.put(&new, bytes.into(), "application/octet-stream").await?;
        let documents = self.store.documents(&document.org);
        let plans = (document.embedding.as_ref(), embedding);
        if !documents
            .replace_segment(&document.id, (key, &new), plans, self.clock.now())
            .await?
        {
            let found = documents.get(&document.id).await?;
            let is_in_use = |found: &Document| {
                found.segment.as_ref() == Some(&new) || found.replaced_segment.as_ref() == Some(&new)
            };
            if !found.as_ref().is_some_and(is_in_use) {
                self.objects.delete(&new).await?;
            }
            return Ok(None);
        }
        if let Some(unused) = document
            .replaced_segment
            .as_ref()
            .filter(|unused| **unused != new && *unused != key)
        {
            self.objects.delete(unused).await?;
        }
        Ok(Some(Document {
            segment: Some(new),
            replaced_segment: Some(key.to_owned()),
            embedding: Some(embedding.clone()),
            embedded_batches: std::collections::BTreeSet::new(),
            ..document.clone()
        }))
    }

    /// A finished batch is not there: another delivery has put them together, or they were removed with the document.
    async fn without_batch(&self, document: &Document, key: &str) -> Result<()> {
        let found = self.store.documents(&document.org).get(&document.id).await?;
        match found {
            Some(found) if found.segment.as_deref() == Some(key) => Err(Error::internal(format!(
                "a batch of vectors of document {} is missing",
                document.id
            ))),
            _ => Ok(()),
        }
    }

    async fn not_replaced(&self, document: &Document, key: &str) -> Result<()> {
        let found = self.store.documents(&document.org).get(&document.id).await?;
        match found {
            Some(found) if found.segment.as_deref() == Some(key) => Err(indexed_meanwhile()),
            Some(_) => Ok(()),
            None => self.objects.delete_below(&batches_of(key)).await,
        }
    }

    async fn segment(&self, key: &str) -> Result<Option<Arc<Segment>>> {
        Ok(self.segments.load(vec![key.to_owned()]).await?.pop().flatten())
    }
}

/// Returns the plan of a document's vectors if it is about this segment.
fn planned_for<'a>(document: &'a Document, segment: &str) -> Option<&'a Embedding> {
    let planned = document.embedding.as_ref()?;
    (document.segment.as_deref() == Some(segment)).then_some(planned)
}

/// Why a document that is found by its words has no vectors.
fn not_embedded(reason: &str) -> IndexFailure {
    IndexFailure {
        code: "not_embedded".to_owned(),
        detail: format!(
            "Some passages of this document have no vectors, and are found by their words only: {reason}. Solve this, then \
             have the vectors made with `POST /documents/embed`."
        ),
    }
}

fn indexed_meanwhile() -> Error {
    Error::InProgress {
        detail: "the document is being indexed",
        retry_after: AFTER_INDEXING,
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
