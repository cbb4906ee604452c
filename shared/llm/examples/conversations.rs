//! Measures follow-up questions and questions in other words than the text has: `make eval-conversations`.
//!
//! ```text
//! conversations FILE [--half tune|report] [--show] [--model FILE]
//! ```
//! FILE has documents, and conversations of a document's name and pairs of a question and the text that its answer must
//! contain. Every second conversation belongs to the half `tune`, by which rules may be made, the others to `report`.
//! An earlier question is followed by the answer of the built-in model, right or wrong, as in a real conversation.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]
#![expect(clippy::expect_used, reason = "a file that cannot be read ends the measurement")]

mod support;

use llm::{Message, exchanges};
use retrieval::{Indexed, Kind, Segment, hybrid_search, index_file, languages, says, standalone};
use serde::Deserialize;
use support::{Meaning, answer};

/// Passages given to the model.
const PASSAGES: usize = 8;

#[derive(Deserialize)]
struct Set {
    documents: Vec<Document>,
    conversations: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Document {
    name: String,
    text: String,
}

#[derive(Default)]
struct Count {
    asked: usize,
    found: usize,
    answered: usize,
    right: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().expect("a file");
    let half = arguments.iter().position(|argument| argument == "--half");
    let half = half.map(|at| usize::from(arguments.get(at + 1).is_some_and(|half| half == "report")));
    let model = arguments.iter().position(|argument| argument == "--model");
    let meaning = Meaning::read(model.and_then(|at| arguments.get(at + 1)).map(String::as_str));
    let shows = arguments.iter().any(|argument| argument == "--show");
    let set: Set = serde_json::from_slice(&std::fs::read(path).expect("a readable file")).expect("a set");
    let segments: Vec<(&str, Segment)> = set
        .documents
        .iter()
        .map(|document| {
            let indexed = index_file(document.text.as_bytes(), Kind::Text).expect("a text");
            (
                document.name.as_str(),
                meaning.add(Segment::from_bytes(&indexed.segment).expect("a segment")),
            )
        })
        .collect();
    let indexed: Vec<Indexed<'_>> = segments
        .iter()
        .map(|(name, segment)| Indexed {
            document_id: name,
            name,
            segment,
        })
        .collect();
    let (mut openings, mut follow_ups) = (Count::default(), Count::default());
    for (at, conversation) in set.conversations.iter().enumerate() {
        if half.is_some_and(|half| at % 2 != half) {
            continue;
        }
        let mut messages: Vec<Message> = Vec::new();
        for (turn, pair) in conversation[1..].chunks_exact(2).enumerate() {
            let [question, expected] = pair else { continue };
            let before = exchanges(&messages);
            let query = standalone(question, &before, &languages(&indexed));
            let vector = meaning.of(&query);
            let mut passages = hybrid_search(&indexed, &query, vector.as_slice(), PASSAGES);
            meaning.compare_sentences(&mut passages, vector.as_ref());
            messages.push(Message::user(question));
            let (answer, citations) = answer(messages.clone(), &passages);
            let is_answered = !citations.cited().is_empty();
            let count = if turn == 0 { &mut openings } else { &mut follow_ups };
            count.asked += 1;
            count.found += usize::from(passages.iter().any(|passage| says(&passage.text, expected)));
            count.answered += usize::from(is_answered);
            let is_right = is_answered && says(&answer, expected);
            count.right += usize::from(is_right);
            if shows && !is_right {
                println!("  {question} ({query})\n    {answer}");
            }
            messages.push(Message::assistant(answer));
        }
    }
    for (name, count) in [("other words", openings), ("follow-ups", follow_ups)] {
        let Count {
            asked,
            found,
            answered,
            right,
        } = count;
        println!("{name}: {asked} asked, passage found {found}, answered {answered}, right {right}");
    }
}
