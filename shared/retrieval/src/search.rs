use std::collections::HashSet;

use crate::terms::index_terms;
use crate::{Segment, SourceLocation, terms};

/// BM25: term frequency saturation (Robertson and Zaragoza 2009, section 3.4).
const K1: f64 = 1.2;
/// BM25: length normalization.
const B: f64 = 0.75;
/// A passage that shares this part of its word pairs with a better one is a near duplicate.
const NEAR_DUPLICATE: f64 = 0.8;
/// More distinct terms than this do not improve a query.
const MAX_QUERY_TERMS: usize = 64;

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
    /// BM25; higher is better. Only comparable within one search.
    pub score: f32,
}

/// Returns at most `limit` passages that share terms with the query, best first.
///
/// Scores are BM25 with the document frequencies of this set of documents, so they do not depend on the order of the
/// set. Equal scores are ordered by document ID, then by position. Of passages with the same content (one text in
/// two documents, the overlap of two neighbors) only the best is returned.
pub fn search(documents: &[Indexed<'_>], query: &str, limit: usize) -> Vec<Passage> {
    let query = query_terms(query);
    let mut candidates = score(documents, &query);
    candidates.sort_unstable_by(|a, b| {
        let id = |c: &Candidate| documents[c.document].document_id;
        b.score
            .total_cmp(&a.score)
            .then_with(|| id(a).cmp(id(b)))
            .then(a.chunk.cmp(&b.chunk))
    });
    let mut chosen: Vec<Chosen> = Vec::new();
    for candidate in candidates {
        if chosen.len() >= limit {
            break;
        }
        let fresh = Chosen::new(documents, candidate);
        if !chosen.iter().any(|better| fresh.repeats(better, documents, &query)) {
            chosen.push(fresh);
        }
    }
    chosen.iter().map(|chosen| chosen.passage(documents)).collect()
}

/// Returns the distinct terms of the query in the order of their first use.
fn query_terms(query: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    terms(query)
        .into_iter()
        .filter(|term| seen.insert(term.clone()))
        .take(MAX_QUERY_TERMS)
        .collect()
}

#[derive(Clone, Copy)]
struct Candidate {
    document: usize,
    chunk: u32,
    score: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of passages and words, far below 2^52")]
fn score(documents: &[Indexed<'_>], query: &[String]) -> Vec<Candidate> {
    let count: usize = documents.iter().map(|document| document.segment.len()).sum();
    let total: u64 = documents.iter().map(|document| document.segment.total_length()).sum();
    let average = (total as f64 / count.max(1) as f64).max(1.0);
    let weights: Vec<f64> = query
        .iter()
        .map(|term| {
            let holding: usize = documents
                .iter()
                .map(|document| document.segment.postings(term).len())
                .sum();
            (1.0 + (count as f64 - holding as f64 + 0.5) / (holding as f64 + 0.5)).ln()
        })
        .collect();
    let mut candidates = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        let mut scores = vec![0.0_f64; document.segment.len()];
        for (term, weight) in query.iter().zip(&weights) {
            for posting in document.segment.postings(term) {
                let count = f64::from(posting.count);
                let length = f64::from(document.segment.chunk_length(posting.chunk));
                let saturation = count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / average));
                scores[posting.chunk as usize] += weight * saturation;
            }
        }
        let found = (0_u32..).zip(scores).filter(|(_, score)| *score > 0.0);
        candidates.extend(found.map(|(chunk, score)| Candidate {
            document: number,
            chunk,
            score,
        }));
    }
    candidates
}

/// A selected candidate with the data to detect duplicates of it.
struct Chosen {
    candidate: Candidate,
    pairs: HashSet<(String, String)>,
}

impl Chosen {
    fn new(documents: &[Indexed<'_>], candidate: Candidate) -> Self {
        let words = index_terms(text(documents, candidate));
        let pairs = if words.len() < 2 {
            words.into_iter().map(|word| (word, String::new())).collect()
        } else {
            words
                .windows(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect()
        };
        Self { candidate, pairs }
    }

    fn repeats(&self, better: &Self, documents: &[Indexed<'_>], query: &[String]) -> bool {
        let shared = self.pairs.intersection(&better.pairs).count();
        #[expect(clippy::cast_precision_loss, reason = "counts of word pairs of a passage")]
        let is_copy = shared as f64 >= NEAR_DUPLICATE * self.pairs.len() as f64;
        if is_copy {
            return true;
        }
        shared > 0 && self.is_neighbor(better, documents) && !self.matches_outside_overlap(better, documents, query)
    }

    fn is_neighbor(&self, other: &Self, documents: &[Indexed<'_>]) -> bool {
        documents[self.candidate.document].document_id == documents[other.candidate.document].document_id
            && self.candidate.chunk.abs_diff(other.candidate.chunk) == 1
    }

    /// Returns whether the part of this chunk that the neighbor does not contain matches the query.
    fn matches_outside_overlap(&self, neighbor: &Self, documents: &[Indexed<'_>], query: &[String]) -> bool {
        let segment = documents[self.candidate.document].segment;
        let own = text(documents, self.candidate);
        let rest = if self.candidate.chunk > neighbor.candidate.chunk {
            own.get(segment.overlap(self.candidate.chunk)..)
        } else {
            own.get(..own.len().saturating_sub(segment.overlap(neighbor.candidate.chunk)))
        };
        index_terms(rest.unwrap_or(own)).iter().any(|term| query.contains(term))
    }

    fn passage(&self, documents: &[Indexed<'_>]) -> Passage {
        let document = documents[self.candidate.document];
        Passage {
            document_id: document.document_id.to_owned(),
            name: document.name.to_owned(),
            place: document
                .segment
                .place(self.candidate.chunk)
                .cloned()
                .unwrap_or(SourceLocation::Whole),
            chunk: self.candidate.chunk,
            text: text(documents, self.candidate).to_owned(),
            score: narrow(self.candidate.score),
        }
    }
}

fn text<'a>(documents: &[Indexed<'a>], candidate: Candidate) -> &'a str {
    documents[candidate.document]
        .segment
        .text(candidate.chunk)
        .unwrap_or_default()
}

/// Rounds a score: more digits carry no information.
#[expect(clippy::cast_possible_truncation, reason = "scores are small")]
fn narrow(score: f64) -> f32 {
    score as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chunk;

    fn segment(texts: &[&str]) -> Segment {
        let chunk = |(page, text): (u32, &&str)| Chunk {
            place: SourceLocation::Page(page),
            text: (*text).to_owned(),
            overlap: 0,
        };
        Segment::build(&(1..).zip(texts).map(chunk).collect::<Vec<_>>())
    }

    fn document<'a>(document_id: &'a str, segment: &'a Segment) -> Indexed<'a> {
        Indexed {
            document_id,
            name: document_id,
            segment,
        }
    }

    fn found(passages: &[Passage]) -> Vec<(&str, u32)> {
        passages.iter().map(|p| (p.document_id.as_str(), p.chunk)).collect()
    }

    #[test]
    fn the_passage_with_the_rare_words_of_the_question_comes_first() {
        let policies = segment(&[
            "We ship coffee daily.",
            "Refunds for coffee take fourteen days.",
            "Our coffee is fair.",
        ]);
        let got = search(
            &[document("p", &policies)],
            "How long does a refund for coffee take?",
            5,
        );
        assert_eq!(found(&got)[0], ("p", 1));
        assert_eq!(got[0].place, SourceLocation::Page(2));
        assert!(got.is_sorted_by(|a, b| a.score >= b.score));
    }

    #[test]
    fn scores_depend_on_the_set_and_not_on_its_order_or_division() {
        let one = segment(&["Beans are roasted on Monday.", "The grinder has a warranty."]);
        let two = segment(&["Roasted beans keep for weeks.", "Call us on Monday."]);
        let both = segment(&[
            "Beans are roasted on Monday.",
            "The grinder has a warranty.",
            "Roasted beans keep for weeks.",
            "Call us on Monday.",
        ]);
        let scores = |documents: &[Indexed<'_>]| -> Vec<(String, f32)> {
            search(documents, "roasted beans on Monday", 9)
                .into_iter()
                .map(|p| (p.text, p.score))
                .collect()
        };
        let divided = scores(&[document("a", &one), document("b", &two)]);
        assert_eq!(divided.len(), 3);
        assert_eq!(divided, scores(&[document("b", &two), document("a", &one)]));
        assert_eq!(divided, scores(&[document("ab", &both)]));
    }

    #[test]
    fn equal_scores_are_ordered_by_document_and_position() {
        let a = segment(&["alpha one", "alpha two"]);
        let b = segment(&["alpha six"]);
        let got = search(&[document("b", &b), document("a", &a)], "alpha", 9);
        assert_eq!(found(&got), [("a", 0), ("a", 1), ("b", 0)]);
        assert_eq!(
            found(&search(&[document("b", &b), document("a", &a)], "alpha", 2)),
            [("a", 0), ("a", 1)]
        );
    }

    #[test]
    fn the_same_text_in_two_documents_is_returned_once() {
        let a = segment(&["Refunds take fourteen days after we get the parcel."]);
        let b = segment(&["Other things.", "Refunds take fourteen days, after we get the parcel!"]);
        let got = search(&[document("b", &b), document("a", &a)], "refunds", 9);
        assert_eq!(found(&got), [("a", 0)]);
    }

    #[test]
    fn a_neighbor_that_matches_only_in_the_overlap_is_not_returned() {
        let chunk = |text: &str, overlap| Chunk {
            place: SourceLocation::Page(1),
            text: text.to_owned(),
            overlap,
        };
        let tail = "Refunds take fourteen days. ";
        let overlap = u32::try_from(tail.len()).expect("short");
        let neighbors = [
            chunk("We ship beans daily to all countries. Refunds take fourteen days.", 0),
            chunk(&format!("{tail}The grinder has two burrs and a motor."), overlap),
        ];
        let segment = Segment::build(&neighbors);
        assert_eq!(search(&[document("a", &segment)], "refunds", 9).len(), 1);
        assert_eq!(
            search(&[document("a", &segment)], "refunds for beans and a grinder", 9).len(),
            2
        );
    }

    #[test]
    fn a_question_without_matching_terms_finds_nothing() {
        let a = segment(&["Refunds take fourteen days."]);
        for query in ["", "?!", "helicopter"] {
            assert!(search(&[document("a", &a)], query, 9).is_empty(), "{query}");
        }
        assert!(search(&[], "refunds", 9).is_empty());
        assert!(search(&[document("a", &a)], "refunds", 0).is_empty());
    }
}
