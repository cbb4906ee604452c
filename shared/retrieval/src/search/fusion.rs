//! One order from two: the words of a question (BM25) and its meaning (the cosine of vectors).
//!
//! Both are brought to the range from 0 to 1 by their largest and smallest value in the search, then added with weights.
//! Measured on one half of `XQuAD` and reported on the other; fusion of ranks (RRF) was worse than BM25 alone.

use super::{Candidate, CosineRange, Indexed, QuestionVector};

/// The weight of meaning, against 1 for both together.
const MEANING: f64 = 0.5;
/// The same if no word of the question is in the documents: it is in another language, or says all in other words.
const MEANING_ALONE: f64 = 0.9;
/// From this share of the question in one passage on, its words are trusted as much as they ever are.
const COVERED: f64 = 0.7;
/// So many passages are found by their meaning alone, for each embedder.
const MOST_BY_MEANING: usize = 256;

/// Returns the passages of both orders with one score, and how likely their meaning is that of the question. `found` is in
/// the order of the documents and their passages.
///
/// Cosines of different embedders are never compared: each has its own range.
pub(super) fn fuse(documents: &[Indexed<'_>], found: Vec<Candidate>, queries: &[QuestionVector]) -> Vec<Candidate> {
    let best = found.iter().map(|candidate| candidate.score).fold(0.0, f64::max);
    let covered = found.iter().map(|candidate| candidate.relevance).fold(0.0, f64::max);
    let meaning = MEANING + (MEANING_ALONE - MEANING) * (1.0 - (covered / COVERED).min(1.0));
    let cosines: Vec<Option<Cosines<'_>>> = documents
        .iter()
        .map(|document| Cosines::of(document, queries))
        .collect();
    let mut ranges: Vec<Range> = queries.iter().map(|_| Range::default()).collect();
    for own in cosines.iter().flatten() {
        own.values
            .iter()
            .flatten()
            .for_each(|cosine| ranges[own.query].add(*cosine));
    }
    ranges.iter_mut().for_each(Range::close);
    let mut found = found.into_iter().peekable();
    let mut fused = Vec::new();
    for (document, own) in cosines.iter().enumerate() {
        let words_of = |candidate: &Candidate| candidate.score / best;
        let Some(own) = own else {
            // Its meaning is unknown: as good as its words.
            while let Some(candidate) = found.next_if(|candidate| candidate.document == document) {
                let score = words_of(&candidate);
                fused.push(Candidate { score, ..candidate });
            }
            continue;
        };
        let range = &ranges[own.query];
        for (chunk, cosine) in (0_u32..).zip(&own.values) {
            let by_words = found.next_if(|candidate| (candidate.document, candidate.chunk) == (document, chunk));
            let words = by_words.as_ref().map_or(0.0, words_of);
            let Some(cosine) = *cosine else {
                fused.extend(by_words.map(|candidate| Candidate {
                    score: words,
                    ..candidate
                }));
                continue;
            };
            if by_words.is_none() && cosine < range.floor {
                continue;
            }
            let relevance = by_words.map_or(0.0, |candidate| candidate.relevance);
            let likeness = own.likeness.map(|known| known.likeness(cosine));
            fused.push(Candidate {
                document,
                chunk,
                score: (1.0 - meaning) * words + meaning * range.share(cosine),
                relevance: relevance.max(likeness.map_or(0.0, f64::from)),
                likeness,
            });
        }
    }
    fused
}

/// The cosines of a document's passages and the question; `None` for a passage without a vector.
struct Cosines<'a> {
    /// The number of the question's vector.
    query: usize,
    likeness: &'a Option<CosineRange>,
    values: Vec<Option<f32>>,
}

impl<'a> Cosines<'a> {
    /// Returns `None` if no vector of the question is of the document's embedder.
    fn of(document: &Indexed<'_>, queries: &'a [QuestionVector]) -> Option<Self> {
        let vectors = document.segment.vectors()?;
        let is_comparable = |query: &QuestionVector| {
            *vectors.embedder() == query.embedder && query.vector.dimensions() == query.embedder.dimensions
        };
        let query = queries.iter().position(is_comparable)?;
        Some(Self {
            query,
            likeness: &queries[query].likeness,
            values: vectors.cosines(&queries[query].vector).collect(),
        })
    }
}

/// The cosines of one embedder in a search.
struct Range {
    least: f32,
    most: f32,
    /// The cosine from which on a passage is among the best.
    floor: f32,
    best: Vec<f32>,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            least: f32::INFINITY,
            most: f32::NEG_INFINITY,
            floor: f32::NEG_INFINITY,
            best: Vec::new(),
        }
    }
}

impl Range {
    fn add(&mut self, cosine: f32) {
        self.least = self.least.min(cosine);
        self.most = self.most.max(cosine);
        if cosine >= self.floor {
            self.best.push(cosine);
            if self.best.len() >= 4 * MOST_BY_MEANING {
                self.close();
            }
        }
    }

    /// Forgets all but the best, and raises the floor to the worst of them.
    fn close(&mut self) {
        if self.best.len() > MOST_BY_MEANING {
            let last = MOST_BY_MEANING - 1;
            let (_, floor, _) = self
                .best
                .select_nth_unstable_by(last, |one, other| other.total_cmp(one));
            self.floor = *floor;
            self.best.truncate(MOST_BY_MEANING);
        }
    }

    /// Returns where between the least and the largest cosine this one is.
    fn share(&self, cosine: f32) -> f64 {
        let range = f64::from(self.most - self.least);
        if range > 0.0 {
            f64::from(cosine - self.least) / range
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Embedder, Vector, Vectors};
    use crate::{Chunk, Language, Segment, SourceLocation, hybrid_search, search};

    fn embedder(id: &str) -> Embedder {
        Embedder {
            id: id.to_owned(),
            dimensions: 3,
        }
    }

    fn segment(passages: &[(&str, Option<[f32; 3]>)]) -> Segment {
        let chunk = |(text, _): &(&str, _)| Chunk {
            place: SourceLocation::Whole,
            text: (*text).to_owned(),
            overlap: 0,
            language: Language::English,
        };
        let segment = Segment::build(&passages.iter().map(chunk).collect::<Vec<_>>());
        let mut vectors = Vectors::new(embedder("e"), passages.len());
        for (number, (_, vector)) in (0..).zip(passages) {
            if let Some(vector) = vector.and_then(|vector| Vector::of(&vector)) {
                vectors.set(number, &vector);
            }
        }
        segment.with_vectors(vectors)
    }

    fn about(id: &str, vector: [f32; 3]) -> QuestionVector {
        QuestionVector {
            embedder: embedder(id),
            vector: Vector::of(&vector).expect("a direction"),
            likeness: None,
        }
    }

    fn texts(documents: &[&Segment], question: &str, vector: &QuestionVector) -> Vec<String> {
        texts_by(documents, question, std::slice::from_ref(vector))
    }

    fn texts_by(documents: &[&Segment], question: &str, vectors: &[QuestionVector]) -> Vec<String> {
        let indexed: Vec<Indexed<'_>> = ["a", "b", "c"]
            .into_iter()
            .zip(documents)
            .map(|(id, segment)| Indexed {
                document_id: id,
                name: id,
                segment,
            })
            .collect();
        let found = hybrid_search(&indexed, question, vectors, 10);
        found.into_iter().map(|passage| passage.text).collect()
    }

    const WARRANTY: (&str, Option<[f32; 3]>) = ("The warranty is three years.", Some([1.0, 0.1, 0.0]));
    const COFFEE: (&str, Option<[f32; 3]>) = ("Coffee is free on Mondays.", Some([0.0, 1.0, 0.0]));
    const GARDEN: (&str, Option<[f32; 3]>) = ("The garden has a pond.", Some([0.0, 0.0, 1.0]));

    #[test]
    fn a_question_in_other_words_finds_what_means_the_same() {
        let document = segment(&[COFFEE, WARRANTY, GARDEN]);
        let found = texts(
            &[&document],
            "Wie lange gilt die Garantie?",
            &about("e", [1.0, 0.0, 0.0]),
        );
        assert_eq!(found[0], WARRANTY.0);
        // A vector of another model says nothing about these.
        let found = texts(
            &[&document],
            "Wie lange gilt die Garantie?",
            &about("other", [1.0, 0.0, 0.0]),
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn words_and_meaning_together_decide() {
        let document = segment(&[
            ("The warranty of the lamp.", Some([0.9, 0.4, 0.0])),
            ("The warranty of the grinder.", Some([0.4, 0.9, 0.0])),
            GARDEN,
        ]);
        // The word is in both, the meaning nearer to the second.
        let found = texts(&[&document], "warranty", &about("e", [0.3, 1.0, 0.0]));
        assert_eq!(found[0], "The warranty of the grinder.");
    }

    #[test]
    fn documents_of_two_embedders_are_each_compared_with_their_own() {
        let mine = segment(&[COFFEE, GARDEN]);
        // The same numbers of another embedder mean something else.
        let mut others = Vectors::new(embedder("other"), 2);
        others.set(0, &Vector::of(&[0.9, 0.1, 0.0]).expect("a direction"));
        others.set(1, &Vector::of(&[0.0, 0.2, 1.0]).expect("a direction"));
        let other = segment(&[("The pond is deep.", None), ("The lamp is bright.", None)]).with_vectors(others);
        let question = "Wo schwimmen Fische?";
        let (of_mine, of_other) = (about("e", [0.0, 0.0, 1.0]), about("other", [1.0, 0.0, 0.0]));
        let found = texts_by(&[&mine, &other], question, &[of_mine.clone(), of_other]);
        assert_eq!(found[..2], ["The garden has a pond.", "The pond is deep."]);
        // Without a vector of theirs, passages are found by their words alone.
        let found = texts_by(&[&mine, &other], question, &[of_mine]);
        assert_eq!(found, ["The garden has a pond.", "Coffee is free on Mondays."]);
    }

    #[test]
    fn how_likely_a_passage_is_meant_is_told_only_where_it_was_measured() {
        let document = segment(&[COFFEE, WARRANTY]);
        let indexed = [Indexed {
            document_id: "a",
            name: "a",
            segment: &document,
        }];
        let question = about("e", [1.0, 0.1, 0.0]);
        let found = hybrid_search(&indexed, "Garantie?", std::slice::from_ref(&question), 10);
        assert_eq!((found[0].likeness, found[0].relevance), (None, 0.0));
        let measured = QuestionVector {
            likeness: Some(CosineRange {
                unlike: 0.2,
                alike: 0.9,
            }),
            ..question
        };
        let found = hybrid_search(&indexed, "Garantie?", &[measured], 10);
        assert_eq!((found[0].likeness, found[0].relevance), (Some(1.0), 1.0));
        assert_eq!(found[1].likeness, Some(0.0));
    }

    #[test]
    fn a_document_without_vectors_is_found_by_its_words() {
        let with = segment(&[COFFEE, GARDEN]);
        let without = segment(&[("The warranty is three years.", None)]);
        assert!(without.vectors().is_none());
        let found = texts(
            &[&with, &without],
            "How long is the warranty?",
            &about("e", [0.5, 0.5, 0.7]),
        );
        assert_eq!(found[0], WARRANTY.0);
        // Without any vector the order is that of the words.
        let indexed = [Indexed {
            document_id: "a",
            name: "a",
            segment: &without,
        }];
        let hybrid = hybrid_search(&indexed, "the warranty", &[about("e", [1.0, 0.0, 0.0])], 10);
        let plain = search(&indexed, "the warranty", 10);
        assert_eq!((hybrid.len(), hybrid[0].chunk), (plain.len(), plain[0].chunk));
        assert_eq!(hybrid[0].likeness, None);
    }
}
