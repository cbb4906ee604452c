//! Events of a streamed answer.

use app::{AnswerEvent, AnswerStream, Answered, Completion, CompletionEvent, CompletionStream};
use domain::{Answer, AnswerStatus, Citation, Usage};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::EventStream;

/// An event of a streamed answer. The last one has no content and contains all data known at the end.
#[derive(Default, Serialize, JsonSchema)]
#[serde(default)]
pub struct AnswerFrame {
    /// The next words of the answer.
    content: String,
    /// The next words of the model's reasoning, if requested; `content` is then empty. Not part of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<String>,
    /// ID of the answer, if no conversation stores it as a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// ID of the answer; if no conversation stores it, the ID cannot be looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// ID of the message that is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    question_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_model: Option<String>,
    /// The passages that the numbers in the text cite.
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
    /// Returns the events of an answer in a conversation, with IDs from which the stream can be resumed.
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

    /// Returns the events of an answer that no conversation stores. `include_thinking`: with the model's reasoning.
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
            question_id: Some(answered.turn.id.0.clone()),
            status: Some(answer.status),
            ..Self::done(answer.clone())
        }
    }

    fn completed(completion: Completion) -> Self {
        Self {
            id: Some(completion.answer.id.0.clone()),
            ..Self::done(completion.answer)
        }
    }

    fn done(answer: Answer) -> Self {
        Self {
            message_id: Some(answer.id.0),
            model: answer.model,
            provider: answer.provider,
            requested_model: answer.requested_model,
            sources: Some(answer.citations),
            notice: answer.notice,
            usage: Some(answer.usage),
            cost_micro_usd: answer.cost_micro_usd,
            finish_reason: answer.finish_reason,
            ..Self::default()
        }
    }
}
