//! One order from two: the words of a question (BM25) and its meaning (the cosine of vectors).
//!
//! Both are brought to the range from 0 to 1 by their largest and smallest value in the search, then added with weights.
//! Measured on one half of `XQuAD` and reported on the other; fusion of ranks (RRF) was worse than BM25 alone.

use super::{Candidate, Indexed, QuestionVector};

/// The weight of meaning, against 1 for both together.
const MEANING: f64 = 0.5;
/// The same if no word of the question is in the documents: it is in another language, or says all in other words.
const MEANING_ALONE: f64 = 0.9;
/// From this share of the question in one passage on, its words are trusted as much as they ever are.
const COVERED: f64 = 0.7;
/// So many passages are found by their meaning alone.
const MOST_BY_MEANING: usize = 256;
/// The cosine below which a passage has nothing to do with a question, and the one from which on it surely has:
/// `multilingual-e5-small` puts all texts into a narrow cone (<https://huggingface.co/intfloat/multilingual-e5-small>, FAQ).
const UNLIKE: f32 = 0.76;
const ALIKE: f32 = 0.88;

/// Returns the passages of both orders with one score, and how likely their meaning is that of the question. `found` is in
/// the order of the documents and their passages.
pub(super) fn fuse(documents: &[Indexed<'_>], found: Vec<Candidate>, query: &QuestionVector) -> Vec<Candidate> {
    let best = found.iter().map(|candidate| candidate.score).fold(0.0, f64::max);
    let covered = found.iter().map(|candidate| candidate.relevance).fold(0.0, f64::max);
    let meaning = MEANING + (MEANING_ALONE - MEANING) * (1.0 - (covered / COVERED).min(1.0));
    let cosines: Vec<Vec<Option<f32>>> = documents.iter().map(|document| cosines(document, query)).collect();
    let all = || cosines.iter().flatten().flatten().copied();
    let (least, most) = all().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), cosine| {
        (least.min(cosine), most.max(cosine))
    });
    let range = f64::from(most - least);
    let floor = least_of_best(all());
    let mut found = found.into_iter().peekable();
    let mut fused = Vec::new();
    for (document, cosines) in cosines.iter().enumerate() {
        for (chunk, cosine) in (0_u32..).zip(cosines) {
            let by_words = found.next_if(|candidate| (candidate.document, candidate.chunk) == (document, chunk));
            let words = by_words.map_or(0.0, |candidate| candidate.score / best);
            let Some(cosine) = *cosine else {
                // Its meaning is unknown: as good as its words.
                fused.extend(by_words.map(|candidate| Candidate {
                    score: words,
                    ..candidate
                }));
                continue;
            };
            if by_words.is_none() && cosine < floor {
                continue;
            }
            let similar = if range > 0.0 {
                f64::from(cosine - least) / range
            } else {
                1.0
            };
            let relevance = by_words.map_or(0.0, |candidate| candidate.relevance);
            let likeness = ((cosine - UNLIKE) / (ALIKE - UNLIKE)).clamp(0.0, 1.0);
            fused.push(Candidate {
                document,
                chunk,
                score: (1.0 - meaning) * words + meaning * similar,
                relevance: relevance.max(f64::from(likeness)),
                likeness: Some(likeness),
            });
        }
    }
    fused
}

fn cosines(document: &Indexed<'_>, query: &QuestionVector) -> Vec<Option<f32>> {
    match document.segment.vectors() {
        Some(vectors)
            if *vectors.embedder() == query.embedder && query.vector.dimensions() == query.embedder.dimensions =>
        {
            vectors.cosines(&query.vector).collect()
        }
        _ => vec![None; document.segment.len()],
    }
}

/// Returns the cosine from which on a passage is among the best.
fn least_of_best(cosines: impl Iterator<Item = f32>) -> f32 {
    let mut all: Vec<f32> = cosines.collect();
    if all.len() <= MOST_BY_MEANING {
        return f32::NEG_INFINITY;
    }
    let at = all.len() - MOST_BY_MEANING;
    *all.select_nth_unstable_by(at, f32::total_cmp).1
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
        }
    }

    fn texts(documents: &[&Segment], question: &str, vector: &QuestionVector) -> Vec<String> {
        let indexed: Vec<Indexed<'_>> = ["a", "b", "c"]
            .into_iter()
            .zip(documents)
            .map(|(id, segment)| Indexed {
                document_id: id,
                name: id,
                segment,
            })
            .collect();
        let found = hybrid_search(&indexed, question, Some(vector), 10);
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
        let hybrid = hybrid_search(&indexed, "the warranty", Some(&about("e", [1.0, 0.0, 0.0])), 10);
        let plain = search(&indexed, "the warranty", 10);
        assert_eq!((hybrid.len(), hybrid[0].chunk), (plain.len(), plain[0].chunk));
        assert_eq!(hybrid[0].likeness, None);
    }
}
