//! The vectors of a document's passages, which are made after it is searchable by its words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{DocumentId, IndexFailure, OrgId};

/// Passages of one message to the built-in model: some seconds of work.
const BUILT_IN_BATCH: u32 = 32;
/// The same for the model of a provider: one request to most of them.
const PROVIDER_BATCH: u32 = 96;
/// Most batches of a document, whose numbers are part of its item: larger documents have larger batches.
const MAX_BATCHES: u32 = 512;

/// How far the vectors of the segment in use are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// Names the model that makes them.
    pub embedder: String,
    /// Number of passages with a vector in the segment.
    pub done: u32,
    /// Number of passages without one.
    pub missing: u32,
    /// Number of the latter in a batch; the last one may have fewer.
    pub batch: u32,
    /// Why no more vectors are made, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<IndexFailure>,
}

/// Who runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingHost {
    /// The worker itself.
    BuiltIn,
    /// A provider, in requests.
    Provider,
}

impl Embedding {
    /// Returns the plan for a segment that has `done` vectors and lacks `missing`.
    pub fn new(embedder: String, host: EmbeddingHost, done: u32, missing: u32) -> Self {
        let batch = match host {
            EmbeddingHost::BuiltIn => BUILT_IN_BATCH,
            EmbeddingHost::Provider => PROVIDER_BATCH,
        };
        Self {
            embedder,
            done,
            missing,
            batch: missing.div_ceil(MAX_BATCHES).max(batch),
            failure: None,
        }
    }

    /// Returns whether this embedder has made the vectors, or is making them.
    pub fn is_by(&self, embedder: &str) -> bool {
        self.embedder == embedder && self.failure.is_none()
    }

    /// Returns the number of batches.
    pub fn batches(&self) -> u32 {
        self.missing.div_ceil(self.batch.max(1))
    }

    /// Returns how many passages have a vector when these batches are finished.
    pub fn done_with(&self, batches: &BTreeSet<u32>) -> u32 {
        let of_batch = |number: &u32| {
            let before = self.batch.saturating_mul(*number);
            self.missing.saturating_sub(before).min(self.batch)
        };
        self.done + batches.iter().map(of_batch).sum::<u32>()
    }
}

/// The body of a message in the queue `embed_passages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedPassagesMessage {
    /// The organization that owns it.
    pub org_id: OrgId,
    /// The document.
    pub document_id: DocumentId,
    /// The passages; without, the batches are still to be planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<EmbeddingBatch>,
}

/// Passages of a segment that are embedded together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingBatch {
    /// Object key of the segment. A batch of another one than that in use is out of date.
    pub segment: String,
    /// Its number, counted from 0.
    pub number: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_documents_have_larger_batches_rather_than_more() {
        let new = |done, missing| Embedding::new("e".to_owned(), EmbeddingHost::BuiltIn, done, missing);
        let small = new(5, 65);
        assert_eq!((small.batch, small.batches()), (32, 3));
        assert_eq!(small.done_with(&BTreeSet::new()), 5);
        assert_eq!(small.done_with(&BTreeSet::from([0, 2])), 5 + 32 + 1);
        assert_eq!(small.done_with(&BTreeSet::from([0, 1, 2, 9])), 70);
        let large = new(0, 200_000);
        assert_eq!((large.batch, large.batches()), (391, 512));
        assert_eq!(new(7, 0).batches(), 0);
        let hosted = Embedding::new("e".to_owned(), EmbeddingHost::Provider, 0, 97);
        assert_eq!((hosted.batch, hosted.batches()), (96, 2));
    }
}
