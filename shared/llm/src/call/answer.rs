//! The state of an answer that is being received.

use serde_json::Value;

use super::{ErrorBody, finish};
use crate::ModelError;
use crate::chat::{ChatEvent, ChatRequest, FinishReason};
use crate::lenient::{self, CallEstimate, Counts, Words, counts};
use crate::profiles::Profile;
use crate::thinking::{Piece, Splitter};
use crate::tokens::Estimate;
use crate::truncate::prompt_tokens;

/// The effect of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing to read: a role, a count, a sign of life.
    Nothing,
    /// Thinking: [`Answer::next_piece`] returns it.
    Thought,
    /// Text: [`Answer::next_piece`] returns it, now or later.
    Text,
    /// The end mark.
    End,
}

/// The state of an answer, without its text.
#[derive(Debug)]
pub(crate) struct Answer {
    finish_reason: Option<FinishReason>,
    counts: Counts,
    prompt_estimate: u64,
    max_tokens: u64,
    written: Estimate,
    thought: Estimate,
    /// White space at the beginning of the answer, until its first text. An answer of white space only is empty.
    blank: Option<String>,
    splitter: Splitter,
    has_begun: bool,
    /// Whether the answer arrives in pieces: then a whole message repeats them.
    is_in_pieces: bool,
    /// The text of pieces and messages so far, to detect repetitions.
    told: String,
    /// Whether each message contains the previous ones; `None` until there is a second one.
    is_cumulative: Option<bool>,
    /// The model declined in its own words.
    is_refusal: bool,
    /// Text that was received instead of an event.
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

    /// Adds the next text and thinking, if any.
    pub(crate) fn words(&mut self, words: Words) -> Progress {
        let thought = self.thought(Some(&words.thought));
        match self.text(Some(words.text)) {
            Progress::Nothing => thought,
            text => text,
        }
    }

    /// Adds the next piece of a message that arrives in pieces.
    pub(crate) fn piece(&mut self, words: Words) -> Progress {
        self.is_in_pieces |= !words.is_empty();
        self.told.push_str(&words.text);
        self.words(words)
    }

    /// Adds a message that arrived instead of a piece: the next part of the answer, or all of it so far.
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

    /// Adds the next text, if any.
    pub(crate) fn text(&mut self, text: Option<String>) -> Progress {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Progress::Nothing;
        };
        self.has_begun = true;
        // Other text before an answer was not a failure.
        self.unread = None;
        self.written.add(&text);
        self.splitter.push_text(&text);
        Progress::Text
    }

    /// Adds the next thinking, if any.
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

    /// Adds the text in which the model declines.
    pub(crate) fn refusal(&mut self, text: String) -> Progress {
        self.is_refusal = true;
        self.text(Some(text))
    }

    /// Records thinking that the provider does not disclose.
    pub(crate) fn hidden_thought(&mut self) -> Progress {
        self.has_begun = true;
        Progress::Thought
    }

    /// Returns the next piece as an event, with text and thinking separated. White space waits for text.
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

    /// Returns whether there has been thinking but no text.
    pub(crate) fn is_only_thinking(&self) -> bool {
        self.splitter.has_thinking() && self.blank.is_some()
    }

    /// Ends the pieces: held text can be classified now.
    pub(crate) fn finish_pieces(&mut self) {
        self.splitter.finish();
    }

    /// Records the provider's finish reason. Returns an error for a word that means a failure; ignores a blank one.
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

    /// Records that the provider blocked the answer.
    pub(crate) fn block(&mut self) {
        self.finish_reason = Some(FinishReason::ContentFilter);
    }

    /// Records counts of the provider. Later counts replace earlier ones, unless they are empty.
    pub(crate) fn count(&mut self, usage: &Value) {
        self.counts = self.counts.and(counts(usage));
    }

    /// Records counts of the prompt; those of the answer follow.
    pub(crate) fn count_prompt(&mut self, usage: &Value) {
        self.counts = self.counts.and(counts(usage).of_prompt());
    }

    /// Records text that was received instead of an event: a sign of life, unless nothing else follows.
    pub(crate) fn unread(&mut self, text: String) {
        self.unread = Some(text).filter(|text| !text.trim().is_empty());
    }

    /// Returns whether anything was generated.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Returns whether there is a finish reason.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Returns the end of a complete answer. Estimates what the provider has not counted.
    ///
    /// # Errors
    /// [`ModelError::Empty`] for an answer without text and without a reason for that, or the failure that was received
    /// instead.
    pub(crate) fn done(&mut self) -> Result<ChatEvent, ModelError> {
        let usage = self.counts.usage(CallEstimate {
            prompt: self.prompt_estimate,
            written: self.written.tokens(),
            thought: self.thought.tokens(),
            max_tokens: self.max_tokens,
        });
        // Some servers have a separate reason for a model that used up its tokens by thinking.
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

    /// Returns the error for an answer that did not begin.
    pub(crate) fn nothing(&mut self) -> ModelError {
        self.told()
    }

    /// Returns the error for a missing answer.
    fn told(&mut self) -> ModelError {
        match self.unread.take() {
            Some(text) => ErrorBody::plain(&text).into_error(200, ""),
            None => ModelError::Empty,
        }
    }
}
