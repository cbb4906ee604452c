//! Embedding: giving the passages of a searchable document their vectors.
//!
//! A document is searchable by its words first. Then a message plans batches of passages, a message each, which many
//! workers embed side by side: a batch is stored as an object, and its number is added to a set of the document. Whoever
//! completes the set makes a segment with all vectors, and one conditional write puts it in the place of the one without.
//! Deliveries may be repeated, late and in any order: a batch names the segment it belongs to, and is dropped if another
//! one is in use.
//!
//! Vectors of an earlier segment are taken over for passages with the same text, so a new version embeds only what changed.

use std::{sync::Arc, time::Duration};

use domain::{
    Document, DocumentId, EmbedPassagesMessage, Error, OrgId, Result,
    documents::embedding::{Embedding, EmbeddingBatch},
};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use retrieval::{Embedder, Segment, Vector, Vectors};
use sha2::{Digest as _, Sha256};

use super::index_document::segment_of_bytes;
use crate::{App, platform::embedding_model::LoadedModel};

/// Messages sent and objects read at the same time.
const PARALLEL: usize = 16;
/// When to look again at a document that is being indexed.
const AFTER_INDEXING: Duration = Duration::from_secs(10);
/// First byte of a passage without a vector in a batch.
const WITHOUT: u8 = 0;
/// First byte of one with a vector.
const WITH: u8 = 1;

impl App {
    /// Requests vectors for the passages of a document that has just become searchable, if there is a model.
    pub(super) async fn request_embedding(&self, org: &OrgId, id: &DocumentId) -> Result<()> {
        if self.config.embedding.name().is_none() {
            return Ok(());
        }
        let message = EmbedPassagesMessage {
            org_id: org.clone(),
            document_id: id.clone(),
            batch: None,
        };
        self.queues.send(&message).await
    }

    /// The same for a document whose indexing may have ended before it was requested.
    pub(super) async fn request_missing_embedding(&self, org: &OrgId, id: &DocumentId) -> Result<()> {
        if self.config.embedding.name().is_none() {
            return Ok(());
        }
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
    pub fn embed_passages<'a>(&'a self, message: &'a EmbedPassagesMessage) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let documents = self.store.documents(&message.org_id);
            let Some(document) = documents.get(&message.document_id).await? else {
                return Ok(());
            };
            let Some(model) = self.config.embedding.load(&self.objects).await? else {
                return Ok(());
            };
            match &message.batch {
                None => self.plan_batches(document, &model.embedder).await,
                Some(batch) => self.embed_batch(document, batch, &model).await,
            }
        })
    }

    async fn plan_batches(&self, document: Document, embedder: &Embedder) -> Result<()> {
        let Some(key) = document.segment.clone() else {
            return Ok(());
        };
        if document.embedding.is_some() {
            return self.send_batches(&document, embedder).await;
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
                planned = planned.with_vectors_of(&earlier, embedder);
            }
        }
        let missing = planned.chunks_without_vectors(embedder).len();
        let embedding = Embedding::new(embedder.id.clone(), narrow(planned.len() - missing), narrow(missing));
        let documents = self.store.documents(&document.org);
        let planned = if planned == *segment {
            let is_planned = documents.plan_embedding(&document.id, &key, &embedding).await?;
            is_planned.then_some(Document {
                embedding: Some(embedding),
                ..document
            })
        } else {
            self.put_in_place(&document, &key, &planned, &embedding).await?
        };
        match planned {
            Some(document) => self.send_batches(&document, embedder).await,
            // Another delivery was first, or the document is being indexed.
            None => Err(indexed_meanwhile()),
        }
    }

    /// Sends a message for each batch that is not finished.
    async fn send_batches(&self, document: &Document, embedder: &Embedder) -> Result<()> {
        let (Some(segment), Some(embedding)) = (&document.segment, &document.embedding) else {
            return Ok(());
        };
        if embedding.embedder != embedder.id {
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

    async fn embed_batch(&self, document: Document, batch: &EmbeddingBatch, model: &Arc<LoadedModel>) -> Result<()> {
        let Some(embedding) = planned_for(&document, &batch.segment, &model.embedder) else {
            return Ok(());
        };
        let Some(segment) = self.segment(&batch.segment).await? else {
            return Ok(());
        };
        let missing = segment.chunks_without_vectors(&model.embedder);
        let size = embedding.batch.max(1) as usize;
        let Some(chunks) = missing.chunks(size).nth(batch.number as usize) else {
            return Ok(());
        };
        let mut document = document;
        if !document.embedded_batches.contains(&batch.number) {
            let key = batch_key(&batch.segment, &model.embedder, batch.number);
            if self.objects.get(&key).await?.is_none() {
                let texts: Vec<String> = chunks
                    .iter()
                    .filter_map(|chunk| segment.text_to_embed(*chunk))
                    .collect();
                let bytes = encode(&model.passages(texts).await?);
                self.objects.put(&key, bytes.into(), "application/octet-stream").await?;
            }
            let documents = self.store.documents(&document.org);
            let recorded = documents.record_embedded(&document.id, &batch.segment, batch.number);
            match recorded.await? {
                Some(recorded) => document = recorded,
                // Deleted, or another segment is in use.
                None => return self.objects.delete(&key).await,
            }
        }
        let embedding = planned_for(&document, &batch.segment, &model.embedder);
        let batches = embedding.map_or(0, Embedding::batches);
        if document.embedded_batches.len() < batches as usize {
            return Ok(());
        }
        self.put_together(&document, &batch.segment, &segment, &model.embedder)
            .await
    }

    /// Makes the segment with the vectors of all batches.
    async fn put_together(&self, document: &Document, key: &str, segment: &Segment, embedder: &Embedder) -> Result<()> {
        let Some(embedding) = planned_for(document, key, embedder) else {
            return Ok(());
        };
        let mut vectors = match segment.vectors() {
            Some(own) if own.embedder() == embedder => own.clone(),
            _ => Vectors::new(embedder.clone(), segment.len()),
        };
        let missing = segment.chunks_without_vectors(embedder);
        let numbers = 0..embedding.batches();
        let keys: Vec<String> = numbers.map(|number| batch_key(key, embedder, number)).collect();
        let batches: Vec<_> = stream::iter(keys.clone())
            .map(|key| async move { self.objects.get(&key).await })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        for (chunks, batch) in missing.chunks(embedding.batch.max(1) as usize).zip(batches) {
            let decoded = batch.and_then(|batch| decode(&batch, chunks.len(), embedder.dimensions));
            let Some(decoded) = decoded else {
                return self.without_batch(document, key).await;
            };
            for (chunk, vector) in chunks.iter().zip(decoded) {
                if let Some(vector) = vector {
                    vectors.set(*chunk, &vector);
                }
            }
        }
        let embedding = Embedding::new(embedder.id.clone(), narrow(vectors.count()), 0);
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
        if !documents
            .replace_segment(&document.id, (key, &new), embedding, self.clock.now())
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

/// Returns the plan of a document's vectors if it is about this segment and model.
fn planned_for<'a>(document: &'a Document, segment: &str, embedder: &Embedder) -> Option<&'a Embedding> {
    let planned = document.embedding.as_ref()?;
    (document.segment.as_deref() == Some(segment) && planned.embedder == embedder.id).then_some(planned)
}

/// Object keys are short, so a batch names its model by a hash.
fn batch_key(segment: &str, embedder: &Embedder, number: u32) -> String {
    let hash = hex::encode(&Sha256::digest(&embedder.id)[..4]);
    Document::batch_key(segment, &hash, number)
}

/// Returns the prefix of the object keys of all batches of a segment.
fn batches_of(segment: &str) -> String {
    format!("{}-", segment.strip_suffix(".seg").unwrap_or(segment))
}

fn encode(vectors: &[Option<Vector>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for vector in vectors {
        match vector {
            None => bytes.push(WITHOUT),
            Some(vector) => {
                bytes.push(WITH);
                vector.write(&mut bytes);
            }
        }
    }
    bytes
}

/// Returns the vectors of so many passages, or `None` if the bytes are anything else.
fn decode(bytes: &[u8], count: usize, dimensions: usize) -> Option<Vec<Option<Vector>>> {
    let mut rest = bytes;
    let mut vectors = Vec::with_capacity(count);
    for _ in 0..count {
        vectors.push(match *rest.split_off_first()? {
            WITHOUT => None,
            WITH => Some(Vector::read(&mut rest, dimensions)?),
            _ => return None,
        });
    }
    rest.is_empty().then_some(vectors)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_as_it_was_written_and_nothing_else_is() {
        let vectors = [
            Vector::of(&[1.0, -0.5, 0.0, 2.0]),
            None,
            Vector::of(&[0.0, 0.0, 1.0, 0.0]),
        ];
        let bytes = encode(&vectors);
        assert_eq!(decode(&bytes, 3, 4).as_deref(), Some(vectors.as_slice()));
        assert_eq!(decode(&bytes, 2, 4), None);
        assert_eq!(decode(&bytes, 4, 4), None);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end], 3, 4), None, "{end}");
        }
    }
}
