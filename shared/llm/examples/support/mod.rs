//! What the measurements share: an answer of the built-in model.

use futures::TryStreamExt as _;
use futures::executor::block_on;
use llm::{ChatEvent, ChatModel as _, ChatRequest, CitationFilter, Local, Message, Source};
use retrieval::Passage;

/// Maximum length of an answer, in tokens.
const MAX_TOKENS: u32 = 1_024;

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
