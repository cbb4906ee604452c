//! Measures a search in memory over so many passages, on one core: `cargo run --release -p retrieval --example search_latency
//! -- [PASSAGES...]` (10,000, 100,000 and 1,000,000 by default).
//!
//! The passages are made of random words, some frequent and many rare, and have random vectors of 384 numbers. The question's
//! own vector is not part of the time.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]
#![expect(clippy::expect_used, reason = "arguments that are no numbers end the measurement")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::time::Instant;

use retrieval::{
    Chunk, Embedder, Indexed, Language, QuestionVector, Segment, SourceLocation, Vector, Vectors, hybrid_search, search,
};

const DIMENSIONS: usize = 384;
/// Passages of a document.
const DOCUMENT: usize = 500;
const WORDS: u64 = 50_000;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns a word; low numbers are frequent.
    fn word(&mut self) -> String {
        let number = self.next() % WORDS;
        let number = number * (self.next() % WORDS) / WORDS;
        format!("w{number}x")
    }

    #[expect(clippy::cast_precision_loss, reason = "a random number")]
    fn vector(&mut self) -> Vector {
        let values: Vec<f32> = (0..DIMENSIONS)
            .map(|_| (self.next() >> 40) as f32 / 8_388_608.0 - 1.0)
            .collect();
        Vector::of(&values).expect("a direction")
    }
}

fn main() {
    let mut sizes: Vec<usize> = std::env::args()
        .skip(1)
        .map(|size| size.parse().expect("a number"))
        .collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000];
    }
    let embedder = Embedder {
        id: "measured".to_owned(),
        dimensions: DIMENSIONS,
    };
    for size in sizes {
        let mut random = Random(7);
        let mut bytes = 0;
        let segments: Vec<(String, Segment)> = (0..size / DOCUMENT)
            .map(|document| {
                let chunk = |_| {
                    let words: Vec<String> = (0..60).map(|_| random.word()).collect();
                    Chunk {
                        place: SourceLocation::Whole,
                        text: words.join(" "),
                        overlap: 0,
                        language: Language::English,
                    }
                };
                let chunks: Vec<Chunk> = (0..DOCUMENT).map(chunk).collect();
                let mut vectors = Vectors::new(embedder.clone(), DOCUMENT);
                for number in 0..DOCUMENT {
                    vectors.set(u32::try_from(number).expect("few"), &random.vector());
                }
                let stored = Segment::build(&chunks).with_vectors(vectors).to_bytes();
                bytes += stored.len();
                (
                    format!("{document:05}"),
                    Segment::from_bytes(&stored).expect("a segment"),
                )
            })
            .collect();
        let indexed: Vec<Indexed<'_>> = segments
            .iter()
            .map(|(id, segment)| Indexed {
                document_id: id,
                name: id,
                segment,
            })
            .collect();
        let (mut by_words, mut hybrid) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            let question: Vec<String> = (0..6).map(|_| random.word()).collect();
            let question = question.join(" ");
            let vectors = [QuestionVector {
                embedder: embedder.clone(),
                vector: random.vector(),
                likeness: None,
            }];
            let begun = Instant::now();
            let found = search(&indexed, &question, 8).len();
            by_words.push(begun.elapsed().as_secs_f64() * 1e3);
            let begun = Instant::now();
            let more = hybrid_search(&indexed, &question, &vectors, 8).len();
            hybrid.push(begun.elapsed().as_secs_f64() * 1e3);
            assert!(found <= more);
        }
        by_words.sort_by(f64::total_cmp);
        hybrid.sort_by(f64::total_cmp);
        println!(
            "{size} passages, {:.0} MB stored: words {:.2} ms, hybrid {:.2} ms (medians of 20)",
            f64::from(u32::try_from(bytes / 1_000_000).expect("not so much")),
            by_words[10],
            hybrid[10]
        );
    }
}
