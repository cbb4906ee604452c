//! What the measurements share: an answer of the built-in model, and the embedding model.

use std::cell::RefCell;
use std::collections::HashMap;

use embedding::{Model, Role};
use futures::TryStreamExt as _;
use futures::executor::block_on;
use llm::{ChatEvent, ChatModel as _, ChatRequest, CitationFilter, Local, Message, Source, passage_sentences};
use retrieval::{CosineRange, Embedder, Passage, QuestionVector, Segment, Vector, Vectors};

/// Maximum length of an answer, in tokens.
const MAX_TOKENS: u32 = 1_024;
/// Passages whose sentences are compared with a question, and sentences in all, as in the product.
const MOST_COMPARED: usize = 3;
const MOST_SENTENCES: usize = 24;

/// Returns what the built-in model answers from passages, with its citations.
pub(crate) fn answer(messages: Vec<Message>, passages: &[Passage]) -> (String, CitationFilter) {
    let sources: Vec<Source> = (1..)
        .zip(passages)
        .map(|(number, passage)| Source::of(number, passage))
        .collect();
    let numbers: Vec<u32> = sources.iter().map(|source| source.number).collect();
    let mut filter = CitationFilter::new(numbers, 0);
    let request = ChatRequest {
        model: "local".to_owned(),
        system: None,
        messages,
        sources: Some(sources),
        refusal: None,
        prescribed: None,
        max_tokens: MAX_TOKENS,
        temperature: None,
        reasoning_effort: None,
    };
    let events: Vec<ChatEvent> = block_on(Local.chat(request).try_collect()).expect("an answer");
    let mut text = String::new();
    for event in events {
        if let ChatEvent::Text(piece) = event {
            text.push_str(&filter.push(&piece));
        }
    }
    text.push_str(&filter.finish());
    (text, filter)
}

/// The embedding model, if there is one, and the vectors of the sentences that were compared before.
pub(crate) struct Meaning(Option<Model>, RefCell<HashMap<String, Option<Vector>>>);

impl Meaning {
    /// Reads a model.
    pub(crate) fn read(path: Option<&str>) -> Self {
        let model = path.map(|path| {
            let bytes = std::fs::read(path).expect("a readable model");
            Model::from_bytes(bytes).expect("a model")
        });
        Self(model, RefCell::default())
    }

    fn embedder(model: &Model) -> Embedder {
        Embedder {
            id: "measured".to_owned(),
            dimensions: model.dimensions(),
        }
    }

    /// Compares the sentences of the best passages with the question, as answers of the built-in model have it.
    pub(crate) fn compare_sentences(&self, passages: &mut [Passage], vector: Option<&QuestionVector>) {
        let (Some(model), Some(vector)) = (&self.0, vector) else {
            return;
        };
        let mut left = MOST_SENTENCES;
        for passage in passages.iter_mut().take(MOST_COMPARED) {
            let mut sentences = passage_sentences(passage);
            sentences.truncate(left);
            left -= sentences.len();
            let mut known = self.1.borrow_mut();
            let new: Vec<&str> = sentences
                .iter()
                .map(String::as_str)
                .filter(|s| !known.contains_key(*s))
                .collect();
            for (sentence, own) in new.iter().zip(model.embed(Role::Passage, &new)) {
                known.insert((*sentence).to_owned(), Vector::of(&own));
            }
            let cosine = |sentence: &String| known[sentence].as_ref().map_or(0.0, |own| own.cosine(&vector.vector));
            passage.sentence_cosines = sentences.iter().map(cosine).collect();
        }
    }

    /// Returns the vector of a question.
    pub(crate) fn of(&self, question: &str) -> Option<QuestionVector> {
        let model = self.0.as_ref()?;
        let vector = model.embed(Role::Query, &[question]).remove(0);
        Some(QuestionVector {
            embedder: Self::embedder(model),
            vector: Vector::of(&vector)?,
            likeness: Some(CosineRange::MULTILINGUAL_E5_SMALL),
        })
    }

    /// Returns a segment with the vectors of its passages.
    pub(crate) fn add(&self, segment: Segment) -> Segment {
        let Some(model) = &self.0 else {
            return segment;
        };
        let mut vectors = Vectors::new(Self::embedder(model), segment.len());
        let texts: Vec<String> = (0..).map_while(|chunk| segment.text_to_embed(chunk)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for (chunk, vector) in (0..).zip(model.embed(Role::Passage, &texts)) {
            if let Some(vector) = Vector::of(&vector) {
                vectors.set(chunk, &vector);
            }
        }
        segment.with_vectors(vectors)
    }
}
