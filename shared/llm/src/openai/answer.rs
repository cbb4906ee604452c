//! The answer, read frame by frame.

use super::failure::ErrorBody;
use super::wire::{Chunk, Delta, WireUsage};
use crate::ModelError;
use crate::chat::{ChatEvent, ChatRequest, FinishReason, Usage};
use crate::fit::prompt_tokens;
use crate::sse::Event;
use crate::tokens::Estimate;

/// What a frame brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing to read: a role, a count, a sign of life.
    Nothing,
    /// The model thinks; the reader sees nothing of it.
    Thought,
    /// The next piece of the answer.
    Text(String),
    /// The end mark.
    End,
}

/// What is known of the answer so far.
#[derive(Debug)]
pub(super) struct Answer {
    finish_reason: Option<FinishReason>,
    usage: Option<WireUsage>,
    prompt_estimate: u64,
    written: Estimate,
}

impl Answer {
    pub(super) fn new(request: &ChatRequest, system: Option<&str>) -> Self {
        Self {
            finish_reason: None,
            usage: None,
            prompt_estimate: prompt_tokens(request, system),
            written: Estimate::default(),
        }
    }

    /// Reads a frame. `secret` must not appear in an error.
    pub(super) fn read(&mut self, event: &Event, secret: &str) -> Result<Progress, ModelError> {
        if event.data.trim() == "[DONE]" {
            return Ok(Progress::End);
        }
        if event.name == "error" {
            return Err(ErrorBody::read(event.data.as_bytes()).into_error(200, None, secret));
        }
        let chunk: Chunk = serde_json::from_str(&event.data).map_err(|error| ModelError::Malformed {
            detail: format!("a frame is no chunk: {error}"),
        })?;
        self.usage = chunk.usage().or(self.usage);
        if let Some(error) = chunk.error {
            return Err(error.into_error(200, None, secret));
        }
        // We never ask for more than one choice.
        let Some(choice) = chunk.choices.and_then(|choices| choices.into_iter().next()) else {
            return Ok(Progress::Nothing);
        };
        if let Some(reason) = choice.finish_reason {
            self.finish_reason = Some(finish_reason(&reason));
        }
        Ok(self.take(choice.delta.unwrap_or_default()))
    }

    fn take(&mut self, delta: Delta) -> Progress {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(text) = filled(delta.content).or_else(|| filled(delta.refusal)) {
            self.written.add(&text);
            return Progress::Text(text);
        }
        match filled(delta.reasoning_content).or_else(|| filled(delta.reasoning)) {
            Some(thought) => {
                self.written.add(&thought);
                Progress::Thought
            }
            None => Progress::Nothing,
        }
    }

    /// Whether the model has said why it stopped, so that no text can follow.
    pub(super) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// The last event.
    pub(super) fn done(&self) -> ChatEvent {
        let usage = match self.usage {
            Some(usage) => Usage {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                ..Usage::default()
            },
            None => Usage {
                prompt_tokens: self.prompt_estimate,
                completion_tokens: self.written.tokens(),
                estimated: true,
                ..Usage::default()
            },
        };
        ChatEvent::Done {
            finish_reason: self.finish_reason.unwrap_or(FinishReason::Other),
            usage,
        }
    }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}
