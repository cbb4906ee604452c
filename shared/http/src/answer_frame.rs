//! Answers piece by piece, as document 001 streams them.

use app::{AnswerEvent, AnswerStream, Answered, Completion, CompletionEvent, CompletionStream};
use domain::{AnswerStatus, Citation, Usage};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::EventStream;

/// Part of a streamed answer. The last one has no content and everything that is known at the end.
#[derive(Default, Serialize, JsonSchema)]
#[serde(default)]
pub struct AnswerFrame {
    /// The next words.
    content: String,
    /// The next thoughts of the model, when they were asked for; then `content` is empty. They are no part of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<String>,
    /// The id of the answer, when no conversation keeps it as a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The id of the answer; where no conversation keeps it, it names this answer and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// The message that is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    question_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_model: Option<String>,
    /// The passages that the numbers in the text stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<Citation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_micro_usd: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<AnswerStatus>,
}

impl AnswerFrame {
    /// An answer in a conversation, under ids with which the stream can be gone on with.
    pub fn stream(events: AnswerStream) -> EventStream<Self> {
        EventStream::with_ids(events.map(|event| {
            event.map(|event| {
                let id = event.id();
                let frame = match event {
                    AnswerEvent::Thinking { text, .. } => Self::thinking(text),
                    AnswerEvent::Text { text, .. } => Self::text(text),
                    AnswerEvent::Done(answered) => Self::answered(&answered),
                };
                (id, frame)
            })
        }))
    }

    /// An answer that no conversation keeps. `include_thinking`: with what the model thinks.
    pub fn completion(stream: CompletionStream, include_thinking: bool) -> EventStream<Self> {
        EventStream::new(stream.events().filter_map(move |event| {
            let frame = match event {
                Ok(CompletionEvent::Thinking(thinking)) => include_thinking.then(|| Ok(Self::thinking(thinking))),
                Ok(CompletionEvent::Text(text)) => Some(Ok(Self::text(text))),
                Ok(CompletionEvent::Done(completion)) => Some(Ok(Self::completed(*completion))),
                Err(error) => Some(Err(error)),
            };
            std::future::ready(frame)
        }))
    }

    fn thinking(thinking: String) -> Self {
        Self {
            thinking: Some(thinking),
            ..Self::default()
        }
    }

    fn text(content: String) -> Self {
        Self {
            content,
            ..Self::default()
        }
    }

    fn answered(answered: &Answered) -> Self {
        let Some(answer) = answered.turn.answer(&answered.answer) else {
            return Self::default();
        };
        Self {
            content: String::new(),
            thinking: None,
            id: None,
            message_id: Some(answer.id.0.clone()),
            question_id: Some(answered.turn.id.0.clone()),
            model: answer.model.clone(),
            provider: answer.provider.clone(),
            requested_model: answer.requested_model.clone(),
            sources: Some(answer.citations.clone()),
            notice: answer.notice.clone(),
            usage: Some(answer.usage),
            cost_micro_usd: answer.cost_micro_usd,
            finish_reason: answer.finish_reason.clone(),
            status: Some(answer.status),
        }
    }

    fn completed(completion: Completion) -> Self {
        let outcome = completion.outcome;
        Self {
            id: Some(completion.id.0.clone()),
            message_id: Some(completion.id.0),
            model: Some(outcome.model),
            provider: Some(outcome.provider),
            requested_model: outcome.requested_model,
            sources: Some(completion.citations),
            notice: completion.notice,
            usage: Some(outcome.usage),
            cost_micro_usd: outcome.cost_micro_usd,
            finish_reason: Some(outcome.finish_reason.to_owned()),
            ..Self::default()
        }
    }
}
