//! What is known of an answer so far.

use crate::chat::{ChatEvent, ChatRequest, FinishReason, Usage};
use crate::fit::prompt_tokens;
use crate::profiles::Profile;
use crate::thinking::{Piece, Splitter};
use crate::tokens::Estimate;

/// What an event brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing to read: a role, a count, a sign of life.
    Nothing,
    /// The model thinks: [`Answer::next_piece`] has it.
    Thought,
    /// The answer goes on: [`Answer::next_piece`] has it, or will.
    Text,
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
    max_tokens: u64,
    written: Estimate,
    thought: Estimate,
    splitter: Splitter,
    has_begun: bool,
}

impl Answer {
    pub(crate) fn new(request: &ChatRequest, system: Option<&str>) -> Self {
        Self {
            finish_reason: None,
            usage: None,
            is_counted: false,
            prompt_estimate: prompt_tokens(request, system),
            max_tokens: request.max_tokens.into(),
            written: Estimate::default(),
            thought: Estimate::default(),
            splitter: Splitter::new(Profile::of(&request.model).begins_inside),
            has_begun: false,
        }
    }

    /// The next words, if there are any.
    pub(crate) fn text(&mut self, text: Option<String>) -> Progress {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => {
                self.has_begun = true;
                self.written.add(&text);
                self.splitter.push_text(&text);
                Progress::Text
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
                self.splitter.push_thinking(thought);
                Progress::Thought
            }
            None => Progress::Nothing,
        }
    }

    /// Thinking whose words the provider keeps to itself: a sign that there is some.
    pub(crate) fn hidden_thought(&mut self) -> Progress {
        self.has_begun = true;
        Progress::Thought
    }

    /// The next piece, text apart from thinking, as an event.
    pub(crate) fn next_piece(&mut self) -> Option<ChatEvent> {
        self.splitter.next_piece().map(|piece| match piece {
            Piece::Text(text) => ChatEvent::Text(text),
            Piece::Thinking(thinking) => {
                self.thought.add(&thinking);
                ChatEvent::Thinking(thinking)
            }
        })
    }

    /// Whether the model has thought and said nothing.
    pub(crate) fn is_only_thinking(&self) -> bool {
        self.splitter.has_thinking() && !self.splitter.has_text()
    }

    /// No more words come: what was held back can be told by now.
    pub(crate) fn finish_pieces(&mut self) {
        self.splitter.finish();
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
        // Some servers call it an end of its own when the model has thought until nothing was left to answer with.
        let is_eaten = self.is_only_thinking() && usage.completion_tokens >= self.max_tokens;
        let finish_reason = self.finish_reason.filter(|_| !is_eaten);
        ChatEvent::Done {
            finish_reason: finish_reason.unwrap_or(if is_eaten {
                FinishReason::Length
            } else {
                FinishReason::Other
            }),
            usage,
        }
    }
}
