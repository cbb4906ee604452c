//! The built-in model: extractive, deterministic, without an external service.

mod features;
mod pick;
mod question;
mod reading;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use futures::{StreamExt as _, stream};

use crate::chat::{ChatEvent, ChatModel, ChatRequest, ChatStream, FinishReason, ModelInfo, ModelKind, Usage};
use crate::citation::{defuse, marker};
use crate::{Provider, estimate_tokens};
use question::Question;
use retrieval::{Language, is_foreign};

/// Answer to a request without sources: this model has no knowledge of its own.
const NO_DOCUMENTS: &str = "I am the built-in extractive model: I answer only by quoting sentences from documents, \
    and this conversation has none. Ask a chatbot that has documents, or choose a language model.";
/// Answer if the search found no passage.
pub const NO_PASSAGE: &str = "I found nothing about this in the documents.";
/// Answer if no passage answers the question.
const NO_ANSWER: &str = "The documents do not answer this question.";
/// Answer to a message without a question.
const NO_QUESTION: &str = "Ask a question about the documents, with the words they might use.";

/// The built-in `local` model. It quotes the sentences of the sources that best answer the last user message, each with
/// its citation, and reports if they contain no answer. It never writes a sentence of its own about a subject.
#[derive(Debug, Clone, Copy, Default)]
pub struct Local;

impl ChatModel for Local {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            id: Cow::Borrowed("local"),
            provider: Provider::BuiltIn,
            kind: ModelKind::Extractive,
            generative: false,
            context_tokens: 32_768,
        }
    }

    fn chat(&self, request: ChatRequest) -> ChatStream {
        // The work waits for the first poll, as a network call would.
        stream::once(async move { stream::iter(events(&request).into_iter().map(Ok)) })
            .flatten()
            .boxed()
    }
}

/// Returns one text event per sentence, then the end.
fn events(request: &ChatRequest) -> Vec<ChatEvent> {
    if let Some(text) = &request.prescribed {
        let (finish_reason, usage) = (FinishReason::Stop, Usage::default());
        return vec![ChatEvent::Text(text.clone()), ChatEvent::Done { finish_reason, usage }];
    }
    let mut events = Vec::new();
    let mut usage = Usage {
        prompt_tokens: prompt_tokens(request),
        estimated: true,
        ..Usage::default()
    };
    let mut finish_reason = FinishReason::Stop;
    for piece in answer(request) {
        let tokens = estimate_tokens(&piece);
        if usage.completion_tokens + tokens > u64::from(request.max_tokens) && usage.completion_tokens > 0 {
            finish_reason = FinishReason::Length;
            break;
        }
        usage.completion_tokens += tokens;
        events.push(ChatEvent::Text(piece));
    }
    events.push(ChatEvent::Done { finish_reason, usage });
    events
}

/// Returns whether a text is nothing but a refusal: the given one, or those of the built-in model. Models repeat a text
/// with other white space, or in quotes.
pub fn is_refusal(text: &str, refusal: Option<&str>) -> bool {
    let plain = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").trim_matches(['"', '“', '”', '\'']).to_owned()
    };
    let text = plain(text);
    let refusals = refusal.into_iter().chain([NO_PASSAGE, NO_ANSWER]);
    !text.is_empty() && refusals.into_iter().any(|refusal| plain(refusal) == text)
}

fn answer(request: &ChatRequest) -> Vec<String> {
    let Some(sources) = &request.sources else {
        return vec![NO_DOCUMENTS.to_owned()];
    };
    let mut languages: Vec<Language> = Vec::new();
    for source in sources {
        if !languages.contains(&source.language) {
            languages.push(source.language);
        }
    }
    let question = Question::read(&request.messages, &languages);
    if question.terms.is_empty() && question.context.is_empty() {
        return vec![NO_QUESTION.to_owned()];
    }
    if sources.is_empty() {
        return vec![request.refusal.as_deref().unwrap_or(NO_PASSAGE).to_owned()];
    }
    let mut picked = pick::pick(&question, sources);
    if picked.is_empty() && is_foreign(&question.text, &languages) {
        picked.extend(pick::nearest(sources));
    }
    if picked.is_empty() {
        return vec![request.refusal.as_deref().unwrap_or(NO_ANSWER).to_owned()];
    }
    picked
        .into_iter()
        .enumerate()
        .map(|(at, picked)| {
            let gap = if at == 0 { "" } else { " " };
            format!("{gap}{} {}", defuse(&picked.text), marker(picked.number))
        })
        .collect()
}

fn prompt_tokens(request: &ChatRequest) -> u64 {
    let messages = request.messages.iter().map(|message| message.content.as_str());
    let sources = request.sources.iter().flatten().map(|source| source.text.as_str());
    messages
        .chain(sources)
        .chain(request.system.as_deref())
        .map(estimate_tokens)
        .sum()
}
