//! What is known of an answer so far.

use serde_json::Value;

use super::{ErrorBody, finish};
use crate::ModelError;
use crate::chat::{ChatEvent, ChatRequest, FinishReason};
use crate::lenient::{self, CallEstimate, Counts, Words, counts};
use crate::profiles::Profile;
use crate::thinking::{Piece, Splitter};
use crate::tokens::Estimate;
use crate::truncate::prompt_tokens;

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
    counts: Counts,
    prompt_estimate: u64,
    max_tokens: u64,
    written: Estimate,
    thought: Estimate,
    /// Blank characters that the answer begins with, until its first words. An answer of nothing else is none.
    blank: Option<String>,
    splitter: Splitter,
    has_begun: bool,
    /// Whether the pieces come as pieces: then a whole message beside them repeats them.
    is_in_pieces: bool,
    /// The words of pieces and messages so far, by which repeated ones are known.
    told: String,
    /// Whether each message holds the ones before it; none until there was a second one.
    is_cumulative: Option<bool>,
    /// The model declined in words of its own.
    is_refusal: bool,
    /// Words that stood where events were due.
    unread: Option<String>,
}

impl Answer {
    pub(crate) fn new(request: &ChatRequest, system: Option<&str>) -> Self {
        Self {
            finish_reason: None,
            counts: Counts::default(),
            prompt_estimate: prompt_tokens(request, system),
            max_tokens: request.max_tokens.into(),
            written: Estimate::default(),
            thought: Estimate::default(),
            blank: Some(String::new()),
            splitter: Splitter::new(Profile::of(&request.model).begins_inside),
            has_begun: false,
            is_in_pieces: false,
            told: String::new(),
            is_cumulative: None,
            is_refusal: false,
            unread: None,
        }
    }

    /// The next words and thoughts, if there are any.
    pub(crate) fn words(&mut self, words: Words) -> Progress {
        let thought = self.thought(Some(&words.thought));
        match self.text(Some(words.text)) {
            Progress::Nothing => thought,
            text => text,
        }
    }

    /// The next piece of a message that comes in pieces.
    pub(crate) fn piece(&mut self, words: Words) -> Progress {
        self.is_in_pieces |= !words.is_empty();
        self.told.push_str(&words.text);
        self.words(words)
    }

    /// A message where a piece was due: the next part of the answer, or all of it so far.
    pub(crate) fn message(&mut self, mut words: Words) -> Progress {
        let rest = words.text.strip_prefix(&self.told).filter(|_| self.told.len() > 1);
        if !words.text.is_empty() && !self.told.is_empty() && !self.is_in_pieces {
            self.is_cumulative.get_or_insert(rest.is_some());
        }
        let repeats = self.is_in_pieces || self.is_cumulative == Some(true) || rest == Some("");
        words.text = match rest {
            Some(rest) if repeats => rest.to_owned(),
            _ if self.is_in_pieces => String::new(),
            _ => words.text,
        };
        if self.is_in_pieces && words.text.is_empty() {
            return Progress::Nothing;
        }
        self.told.push_str(&words.text);
        self.words(words)
    }

    /// The next words, if there are any.
    pub(crate) fn text(&mut self, text: Option<String>) -> Progress {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Progress::Nothing;
        };
        self.has_begun = true;
        // What stood before words was no failure.
        self.unread = None;
        self.written.add(&text);
        self.splitter.push_text(&text);
        Progress::Text
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

    /// The model declines, in these words.
    pub(crate) fn refusal(&mut self, text: String) -> Progress {
        self.is_refusal = true;
        self.text(Some(text))
    }

    /// Thinking whose words the provider keeps to itself: a sign that there is some.
    pub(crate) fn hidden_thought(&mut self) -> Progress {
        self.has_begun = true;
        Progress::Thought
    }

    /// The next piece, text apart from thinking, as an event. Blank characters wait for words.
    pub(crate) fn next_piece(&mut self) -> Option<ChatEvent> {
        while let Some(piece) = self.splitter.next_piece() {
            match piece {
                Piece::Thinking(thinking) => {
                    self.thought.add(&thinking);
                    return Some(ChatEvent::Thinking(thinking));
                }
                Piece::Text(text) => match &mut self.blank {
                    Some(blank) if text.trim().is_empty() => blank.push_str(&text),
                    Some(blank) => {
                        let text = std::mem::take(blank) + &text;
                        self.blank = None;
                        return Some(ChatEvent::Text(text));
                    }
                    None => return Some(ChatEvent::Text(text)),
                },
            }
        }
        None
    }

    /// Whether the model has thought and said nothing.
    pub(crate) fn is_only_thinking(&self) -> bool {
        self.splitter.has_thinking() && self.blank.is_some()
    }

    /// No more words come: what was held back can be told by now.
    pub(crate) fn finish_pieces(&mut self) {
        self.splitter.finish();
    }

    /// The provider has said why the answer ends, in its own word. A word for a failure is one; a blank one says nothing.
    pub(crate) fn finish(&mut self, reason: &Value) -> Result<(), ModelError> {
        let Some(word) = lenient::word(reason).filter(|word| finish::says_something(word)) else {
            return Ok(());
        };
        match finish::read(word) {
            Ok(reason) => {
                tracing::debug!(reason = word, "model.finished");
                self.finish_reason = Some(reason);
                Ok(())
            }
            Err(finish::Failed) => Err(ModelError::Refused {
                status: 500,
                detail: format!("the answer ended with {}", word.chars().take(100).collect::<String>()),
            }),
        }
    }

    /// The provider does not answer this.
    pub(crate) fn block(&mut self) {
        self.finish_reason = Some(FinishReason::ContentFilter);
    }

    /// The provider has counted. A later count replaces an earlier one, as far as it says something.
    pub(crate) fn count(&mut self, usage: &Value) {
        self.counts = self.counts.and(counts(usage));
    }

    /// The provider has counted what it read, and will count what it writes.
    pub(crate) fn count_prompt(&mut self, usage: &Value) {
        self.counts = self.counts.and(counts(usage).of_prompt());
    }

    /// Words stood where an event was due: a sign of life, unless nothing else comes.
    pub(crate) fn unread(&mut self, text: String) {
        self.unread = Some(text).filter(|text| !text.trim().is_empty());
    }

    /// Whether anything was generated.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether the model has said why it stopped.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// The end of an answer that is known to be whole. What the provider has not counted is estimated.
    ///
    /// # Errors
    /// [`ModelError::Empty`] for an answer without a word that has no reason for that, and what stood in the place of
    /// one.
    pub(crate) fn done(&mut self) -> Result<ChatEvent, ModelError> {
        let usage = self.counts.usage(CallEstimate {
            prompt: self.prompt_estimate,
            written: self.written.tokens(),
            thought: self.thought.tokens(),
            max_tokens: self.max_tokens,
        });
        // Some servers call it an end of its own when the model has thought until nothing was left to answer with.
        let is_eaten = self.is_only_thinking() && usage.completion_tokens >= self.max_tokens;
        let finish_reason = match self.finish_reason {
            None if self.unread.as_deref().is_some_and(lenient::sounds_like_failure) => return Err(self.told()),
            Some(FinishReason::Stop) | None if self.is_refusal => FinishReason::ContentFilter,
            Some(FinishReason::Stop | FinishReason::Other) | None if is_eaten => FinishReason::Length,
            Some(FinishReason::Stop) | None if self.blank.is_some() => return Err(self.told()),
            reason => reason.unwrap_or(FinishReason::Stop),
        };
        Ok(ChatEvent::Done { finish_reason, usage })
    }

    /// What there is in the place of an answer that did not begin.
    pub(crate) fn nothing(&mut self) -> ModelError {
        self.told()
    }

    /// What there is in the place of an answer.
    fn told(&mut self) -> ModelError {
        match self.unread.take() {
            Some(text) => ErrorBody::plain(&text).into_error(200, ""),
            None => ModelError::Empty,
        }
    }
}
