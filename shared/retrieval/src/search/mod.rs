//! Finds the passages of a set of documents that match a question.

mod duplicates;
mod expand;
mod fusion;
mod matches;

use duplicates::Fingerprint;
pub use expand::like;
use matches::Matches;
pub use matches::languages;

use crate::segment::{Embedder, Vector};
use crate::{Language, Segment, SourceLocation, sentences};

/// Maximum length of the text before and after a passage, in bytes.
const NEIGHBOR: usize = 400;

/// Candidates that are sorted at a time, for each wanted passage.
const SORTED_PER_PASSAGE: usize = 8;

/// A document to search.
#[derive(Debug, Clone, Copy)]
pub struct Indexed<'a> {
    /// Returned with each passage; also orders passages of equal score.
    pub document_id: &'a str,
    /// The display name of the document: its file name or title.
    pub name: &'a str,
    /// The searchable form of the document's current generation.
    pub segment: &'a Segment,
}

/// A chunk that matches a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// ID of its document.
    pub document_id: String,
    /// Display name of its document.
    pub name: String,
    /// Its position in the document.
    pub place: SourceLocation,
    /// Its number in the document, counted from 0 in reading order.
    pub chunk: u32,
    /// The text of the whole chunk.
    pub text: String,
    /// Its language.
    pub language: Language,
    /// The sentences before it on the same page or below the same heading; may be empty.
    pub before: String,
    /// The sentences behind it on the same page or below the same heading; may be empty.
    pub after: String,
    /// BM25 if the search had no vector, else BM25 and cosine, fused; higher is better. Only comparable within one
    /// search.
    pub score: f32,
    /// The share of the question that it contains, weighted by the rarity of the words: 0 to 1, comparable between
    /// searches of the same documents.
    pub relevance: f32,
    /// How likely the passage is about the question, whatever its words and language: 0 to 1, comparable between searches
    /// with the same embedder. `None` if one of them has no vector, or its embedder was not measured.
    pub likeness: Option<f32>,
    /// How near the meaning of each of its sentences is to that of the question, as a cosine; empty if they were not
    /// compared.
    pub sentence_cosines: Vec<f32>,
}

/// A question as a vector.
#[derive(Debug, Clone)]
pub struct QuestionVector {
    /// What made it: it is compared with vectors of the same embedder only.
    pub embedder: Embedder,
    /// The vector.
    pub vector: Vector,
    /// Which cosines say that a passage is about a question, where that was measured. Otherwise only the order of cosines
    /// counts: each model puts texts into a cone of its own, so a threshold of another one would be wrong.
    pub likeness: Option<CosineRange>,
}

/// A range of cosines of one embedder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineRange {
    /// A passage with this cosine or a lower one has nothing to do with the question.
    pub unlike: f32,
    /// One with this cosine or a higher one surely has.
    pub alike: f32,
}

impl CosineRange {
    /// `multilingual-e5-small` puts all texts into a narrow cone
    /// (<https://huggingface.co/intfloat/multilingual-e5-small>, FAQ). Measured on `XQuAD`.
    pub const MULTILINGUAL_E5_SMALL: Self = Self {
        unlike: 0.76,
        alike: 0.88,
    };

    /// Returns how likely a passage is about a question, from 0 to 1.
    fn likeness(self, cosine: f32) -> f32 {
        ((cosine - self.unlike) / (self.alike - self.unlike)).clamp(0.0, 1.0)
    }
}

/// Returns at most `limit` passages that share terms with the query, best first.
///
/// The query is analysed in each language of the documents. Scores are BM25 with the document frequencies of this set
/// of documents, so they do not depend on the order of the set. A word that no document contains is compared with words
/// that differ in one letter. Equal scores are ordered by document ID, then by position. Of passages with the same
/// content (one text in two documents) only the best is returned.
pub fn search(documents: &[Indexed<'_>], query: &str, limit: usize) -> Vec<Passage> {
    hybrid_search(documents, query, &[], limit)
}

/// Returns at most `limit` passages as [`search`] does. With vectors of the question, one of each embedder, it also finds
/// those that mean the same in other words or in another language: each document is compared with the vector of the
/// embedder that made its own.
pub fn hybrid_search(documents: &[Indexed<'_>], query: &str, vectors: &[QuestionVector], limit: usize) -> Vec<Passage> {
    let mut candidates = Matches::of(documents, query).score();
    if !vectors.is_empty() {
        candidates = fusion::fuse(documents, candidates, vectors);
    }
    let order = |a: &Candidate, b: &Candidate| {
        let id = |c: &Candidate| documents[c.document].document_id;
        b.score
            .total_cmp(&a.score)
            .then_with(|| id(a).cmp(id(b)))
            .then(a.chunk.cmp(&b.chunk))
    };
    let mut chosen: Vec<(Candidate, Fingerprint)> = Vec::new();
    let mut rest = candidates.as_mut_slice();
    // Of many, only the best are sorted: more are needed only if most of them are copies of each other.
    while chosen.len() < limit && !rest.is_empty() {
        let next = rest.len().min(SORTED_PER_PASSAGE.saturating_mul(limit));
        if next < rest.len() {
            rest.select_nth_unstable_by(next, order);
        }
        let (best, others) = rest.split_at_mut(next);
        rest = others;
        best.sort_unstable_by(order);
        for candidate in best {
            if chosen.len() >= limit {
                break;
            }
            let fingerprint = Fingerprint::of(text(documents, *candidate));
            if !chosen.iter().any(|(_, better)| fingerprint.repeats(better)) {
                chosen.push((*candidate, fingerprint));
            }
        }
    }
    chosen
        .iter()
        .map(|(candidate, _)| passage(documents, *candidate))
        .collect()
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    document: usize,
    chunk: u32,
    score: f64,
    relevance: f64,
    likeness: Option<f32>,
}

fn passage(documents: &[Indexed<'_>], candidate: Candidate) -> Passage {
    let document = documents[candidate.document];
    let segment = document.segment;
    let place = segment.place(candidate.chunk).cloned().unwrap_or(SourceLocation::Whole);
    let language = segment.language(candidate.chunk);
    let neighbor = |number: Option<u32>| {
        let number = number?;
        let text = segment.text(number)?.get(segment.overlap(number)..)?;
        (segment.place(number)? == &place).then_some(text)
    };
    Passage {
        document_id: document.document_id.to_owned(),
        name: document.name.to_owned(),
        chunk: candidate.chunk,
        text: text(documents, candidate).to_owned(),
        language,
        before: last_sentences(language, neighbor(candidate.chunk.checked_sub(1)).unwrap_or_default()),
        after: first_sentences(language, neighbor(candidate.chunk.checked_add(1)).unwrap_or_default()),
        score: narrow(candidate.score),
        relevance: narrow(candidate.relevance),
        likeness: candidate.likeness,
        sentence_cosines: Vec::new(),
        place,
    }
}

fn text<'a>(documents: &[Indexed<'a>], candidate: Candidate) -> &'a str {
    documents[candidate.document]
        .segment
        .text(candidate.chunk)
        .unwrap_or_default()
}

fn first_sentences(language: Language, text: &str) -> String {
    let mut left = NEIGHBOR;
    let fits = |sentence: &&str| {
        let fits = sentence.len() < left;
        left = left.saturating_sub(sentence.len() + 1);
        fits
    };
    sentences(language, text)
        .into_iter()
        .take_while(fits)
        .collect::<Vec<_>>()
        .join(" ")
}

fn last_sentences(language: Language, text: &str) -> String {
    let mut left = NEIGHBOR;
    let fits = |sentence: &&str| {
        let fits = sentence.len() < left;
        left = left.saturating_sub(sentence.len() + 1);
        fits
    };
    let mut last: Vec<&str> = sentences(language, text).into_iter().rev().take_while(fits).collect();
    last.reverse();
    last.join(" ")
}

/// Rounds a score: more digits carry no information.
#[expect(clippy::cast_possible_truncation, reason = "scores are small")]
fn narrow(score: f64) -> f32 {
    score as f32
}

#[cfg(test)]
mod tests;
