//! What is known of an answer so far.

use crate::chat::{ChatEvent, ChatRequest, FinishReason, Usage};
use crate::fit::prompt_tokens;
use crate::tokens::Estimate;

/// What an event brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing to read: a role, a count, a sign of life.
    Nothing,
    /// The model thinks; the reader sees nothing of it.
    Thought,
    /// The next piece of the answer.
    Text(String),
    /// The end mark.
    End,
}

/// The answer, without its text.
#[derive(Debug)]
pub(crate) struct Answer {
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    /// Whether the provider has counted what it wrote, too.
    is_counted: bool,
    prompt_estimate: u64,
    written: Estimate,
    thought: Estimate,
    has_begun: bool,
}

impl Answer {
    pub(crate) fn new(request: &ChatRequest, system: Option<&str>) -> Self {
        Self {
            finish_reason: None,
            usage: None,
            is_counted: false,
            prompt_estimate: prompt_tokens(request, system),
            written: Estimate::default(),
            thought: Estimate::default(),
            has_begun: false,
        }
    }

    /// The next words, if there are any.
    pub(crate) fn text(&mut self, text: Option<String>) -> Progress {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => {
                self.has_begun = true;
                self.written.add(&text);
                Progress::Text(text)
            }
            None => Progress::Nothing,
        }
    }

    /// The next thoughts, if there are any.
    pub(crate) fn thought(&mut self, thought: Option<&str>) -> Progress {
        match thought.filter(|thought| !thought.is_empty()) {
            Some(thought) => {
                self.has_begun = true;
                self.written.add(thought);
                self.thought.add(thought);
                Progress::Thought
            }
            None => Progress::Nothing,
        }
    }

    /// The model has said why it stopped: no text follows.
    pub(crate) fn finish(&mut self, reason: FinishReason) {
        self.finish_reason = Some(reason);
    }

    /// The provider has counted. A later count replaces an earlier one.
    pub(crate) fn count(&mut self, usage: Usage) {
        self.usage = Some(usage);
        self.is_counted = true;
    }

    /// The provider has counted what it read, and will count what it writes.
    pub(crate) fn count_prompt(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// What the provider has counted so far.
    pub(crate) fn counted(&self) -> Usage {
        self.usage.unwrap_or_default()
    }

    /// Whether anything was generated.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether the model has said why it stopped.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// The last event. What the provider has not counted is estimated.
    pub(crate) fn done(&self) -> ChatEvent {
        let read = self.usage.unwrap_or_else(|| Usage {
            prompt_tokens: self.prompt_estimate,
            ..Usage::default()
        });
        let usage = if self.is_counted {
            read
        } else {
            Usage {
                completion_tokens: self.written.tokens(),
                reasoning_tokens: self.thought.tokens(),
                estimated: true,
                ..read
            }
        };
        ChatEvent::Done {
            finish_reason: self.finish_reason.unwrap_or(FinishReason::Other),
            usage,
        }
    }
}
