//! The passages that hold the terms of a question, and their scores.

use super::{Candidate, Indexed, expand};
use crate::Language;
use crate::segment::Posting;
use crate::terms::{QuestionTerm, question_terms};

/// BM25: term frequency saturation (Robertson and Zaragoza 2009, section 3.4). Passages are short and about one thing, so
/// a second occurrence says little; measured on `XQuAD`.
const K1: f64 = 0.9;
/// BM25: length normalization; passages are of similar length.
const B: f64 = 0.6;
/// The weight of a term that says little about the subject, against 1.
const WEAK: f64 = 0.7;
/// The same for relevance, where its absence must not count as much as that of the subject.
const WEAK_RELEVANCE: f64 = 0.3;
/// So many passages without any term of the question are assumed for relevance: among three passages nothing is rare,
/// but in their language it is.
const BACKGROUND: f64 = 50.0;
/// A question is analysed in at most so many languages, those of most passages.
const MOST_LANGUAGES: usize = 8;

/// The terms of a question, and where the documents hold them.
pub(super) struct Matches<'a> {
    documents: &'a [Indexed<'a>],
    terms: Vec<TermMatches<'a>>,
}

struct TermMatches<'a> {
    /// The inverse document frequency of BM25.
    weight: f64,
    /// Its part in the relevance of a passage; 0 if its absence says nothing.
    relevance: f64,
    lists: Vec<List<'a>>,
}

/// The passages of a document that hold a form of a term.
pub(super) struct List<'a> {
    pub(super) document: usize,
    pub(super) postings: &'a [Posting],
    /// How much the form counts: 1 for the term itself, less for words like it.
    pub(super) factor: f64,
}

impl<'a> Matches<'a> {
    pub(super) fn of(documents: &'a [Indexed<'a>], query: &str) -> Self {
        let languages = languages(documents);
        let count: usize = documents.iter().map(|document| document.segment.len()).sum();
        let terms = question_terms(query, &languages)
            .into_iter()
            .map(|term| TermMatches::of(documents, &languages, &term, count))
            .collect();
        Self { documents, terms }
    }

    /// Returns the passages that hold at least one of the terms.
    #[expect(clippy::cast_precision_loss, reason = "counts of passages and words, far below 2^52")]
    pub(super) fn score(&self) -> Vec<Candidate> {
        let segments = || self.documents.iter().map(|document| document.segment);
        let count: usize = segments().map(crate::Segment::len).sum();
        let length: u64 = segments().map(crate::Segment::total_length).sum();
        let average = (length as f64 / count.max(1) as f64).max(1.0);
        let total: f64 = self.terms.iter().map(|term| term.relevance).sum();
        let mut candidates = Vec::new();
        let mut held: Vec<(u32, f64, f64)> = Vec::new();
        let mut scores: Vec<(f64, f64)> = Vec::new();
        // The lists of a term are in the order of the documents.
        let mut rests: Vec<&[List<'_>]> = self.terms.iter().map(|term| term.lists.as_slice()).collect();
        for (number, segment) in segments().enumerate() {
            scores.clear();
            scores.resize(segment.len(), (0.0, 0.0));
            let mut is_found = false;
            for (term, rest) in self.terms.iter().zip(&mut rests) {
                let own = rest.iter().take_while(|list| list.document == number).count();
                let Some(own) = rest.split_off(..own).filter(|own| !own.is_empty()) else {
                    continue;
                };
                is_found = true;
                if let [list] = own {
                    for posting in list.postings {
                        let score = &mut scores[posting.chunk as usize];
                        let saturation = saturation(*posting, segment, average);
                        score.0 += term.weight * (list.factor * saturation);
                        score.1 += term.relevance * list.factor;
                    }
                    continue;
                }
                held.clear();
                for list in own {
                    held.extend(list.postings.iter().map(|posting| {
                        let saturation = saturation(*posting, segment, average);
                        (posting.chunk, list.factor * saturation, list.factor)
                    }));
                }
                // Several forms in one passage count once: the best.
                held.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
                held.dedup_by_key(|(chunk, ..)| *chunk);
                for (chunk, saturation, factor) in &held {
                    let score = &mut scores[*chunk as usize];
                    score.0 += term.weight * saturation;
                    score.1 += term.relevance * factor;
                }
            }
            if !is_found {
                continue;
            }
            let found = (0_u32..).zip(&scores).filter(|(_, (score, _))| *score > 0.0);
            candidates.extend(found.map(|(chunk, (score, covered))| Candidate {
                document: number,
                chunk,
                score: *score,
                relevance: if total > 0.0 { (covered / total).min(1.0) } else { 1.0 },
                likeness: None,
            }));
        }
        candidates
    }
}

/// Returns how much the occurrences of a word in a passage count.
fn saturation(posting: Posting, segment: &crate::Segment, average: f64) -> f64 {
    let count = f64::from(posting.count);
    let length = f64::from(segment.chunk_length(posting.chunk));
    count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / average))
}

impl<'a> TermMatches<'a> {
    fn of(documents: &'a [Indexed<'a>], languages: &[Language], term: &QuestionTerm, count: usize) -> Self {
        let mut lists = Vec::new();
        for (number, document) in documents.iter().enumerate() {
            for form in &term.forms {
                let postings = document.segment.postings(form);
                if !postings.is_empty() {
                    lists.push(List {
                        document: number,
                        postings,
                        factor: 1.0,
                    });
                }
            }
        }
        if lists.is_empty() {
            lists = expand::misspelt(documents, term);
        }
        let mut holding: usize = lists.iter().map(|list| list.postings.len()).sum();
        let compounds = expand::compounds(documents, languages, term);
        if holding == 0 {
            holding = compounds.iter().map(|list| list.postings.len()).sum();
        }
        lists.extend(compounds);
        lists.sort_by_key(|list| list.document);
        #[expect(clippy::cast_precision_loss, reason = "counts of passages, far below 2^52")]
        let (holding, count) = (holding as f64, count as f64);
        let rarity = |count: f64| (1.0 + (count - holding + 0.5).max(0.5) / (holding + 0.5)).ln();
        Self {
            weight: rarity(count) * if term.is_weak { WEAK } else { 1.0 },
            relevance: match (term.is_joined && lists.is_empty(), term.is_weak) {
                (true, _) => 0.0,
                (_, true) => rarity(count + BACKGROUND) * WEAK_RELEVANCE,
                (_, false) => rarity(count + BACKGROUND),
            },
            lists,
        }
    }
}

/// Returns the languages of the documents, those of most passages first.
pub fn languages(documents: &[Indexed<'_>]) -> Vec<Language> {
    let mut counts = [0_usize; Language::ALL.len()];
    for document in documents {
        for (count, own) in counts.iter_mut().zip(document.segment.languages()) {
            *count += own;
        }
    }
    let mut found: Vec<(usize, Language)> = counts
        .into_iter()
        .zip(Language::ALL)
        .filter(|(count, _)| *count > 0)
        .collect();
    found.sort_by_key(|(count, language)| (std::cmp::Reverse(*count), *language));
    found
        .into_iter()
        .map(|(_, language)| language)
        .take(MOST_LANGUAGES)
        .collect()
}
