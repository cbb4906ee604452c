//! Turns: what a user wrote, and the answers to it.
//!
//! The turns of a conversation are a tree. Editing a question adds a turn after the same answer; regenerating an answer
//! adds an answer to the same turn. The path from the first turn to the conversation's head is what is shown.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{AnswerQuery, Citation, ConversationId, MessageId, Timestamp, TurnId, Usage, id::MAX_ANSWERS};

/// The state of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswerStatus {
    /// The model is generating it.
    Generating,
    /// The answer is complete.
    Complete,
    /// Its user stopped it; the text generated until then is stored.
    Stopped,
    /// The answer was interrupted; the text generated until then is stored.
    Failed,
}

/// Maximum number of answers that a client can store with a question at once.
pub const MAX_RESPONSES: usize = 32;
/// Maximum length of an answer stored by a client, in characters.
pub const MAX_RESPONSE: usize = 200_000;

/// A user's rating of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// Good.
    Up,
    /// Not good.
    Down,
}

/// A user's feedback on an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Feedback {
    /// Whether the answer was good.
    pub rating: Rating,
    /// The reason, as the user wrote it.
    pub reason: Option<String>,
    /// When the feedback was given.
    pub at: Timestamp,
}

/// An answer to a question: one of its variants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its ID as a message.
    pub id: MessageId,
    /// Text generated so far.
    pub text: String,
    /// Passages cited by the answer, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// The query that it tells of, if a database answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Box<AnswerQuery>>,
    /// A notice for the user, for example that documents were still being indexed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The model that answered; `None` if a client stored an answer of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider of that model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The requested model, if a different one answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// Whether a fallback model answered because the requested one could not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallback: bool,
    /// Its token usage.
    #[serde(default)]
    pub usage: Usage,
    /// Its cost, in millionths of a US dollar; `None` if the model's price is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// Milliseconds from the question to the end of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Milliseconds from the question to the first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_token_ms: Option<u64>,
    /// Why the model stopped: `stop`, `length`, `content_filter`, `stopped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Its state.
    pub status: AnswerStatus,
    /// Why it failed, as the stable error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// A `Generating` answer counts as failed from this time on, in milliseconds since the Unix epoch. Its writer
    /// renews the lease.
    #[serde(default)]
    pub lease_until_ms: i64,
    /// Its user's feedback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// Whether it is the chatbot's refusal: the documents do not answer the question.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unanswered: bool,
    /// The day of the organization on which its feedback and refusal count, once something of it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_on: Option<Date>,
    /// When its generation started.
    pub created_at: Timestamp,
    /// When it was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

impl Answer {
    /// Creates an empty answer that is complete unless the caller changes its status.
    pub fn new(id: MessageId, now: Timestamp) -> Self {
        Self {
            id,
            text: String::new(),
            citations: Vec::new(),
            query: None,
            notice: None,
            model: None,
            provider: None,
            requested_model: None,
            fallback: false,
            usage: Usage::default(),
            cost_micro_usd: None,
            latency_ms: None,
            time_to_first_token_ms: None,
            finish_reason: None,
            status: AnswerStatus::Complete,
            failure: None,
            lease_until_ms: 0,
            feedback: None,
            unanswered: false,
            counted_on: None,
            created_at: now,
            completed_at: None,
        }
    }

    /// Returns the answer's state at `now`: one whose lease expired has failed.
    pub fn status_at(&self, now: Timestamp) -> AnswerStatus {
        match self.status {
            AnswerStatus::Generating if self.lease_until_ms < now.as_millisecond() => AnswerStatus::Failed,
            status => status,
        }
    }

    /// Returns whether the answer is being generated at `now`.
    pub fn is_generating(&self, now: Timestamp) -> bool {
        self.status_at(now) == AnswerStatus::Generating
    }

    /// Returns whether the answer belongs in a model's context: it has text from the model and did not fail.
    pub fn is_said(&self) -> bool {
        matches!(self.status, AnswerStatus::Complete | AnswerStatus::Stopped)
            && !self.text.is_empty()
            && !self.is_blank()
    }

    /// Returns whether its whole text is the product's placeholder for an answer, which states why the model gave none.
    pub fn is_blank(&self) -> bool {
        self.notice.as_deref() == Some(self.text.as_str())
    }
}

/// A user's message and the answers to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Its ID, also that of the question as a message. It is greater than the IDs of all earlier turns.
    pub id: TurnId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The previous turn; `None` for a first turn.
    #[serde(default)]
    pub parent: Option<TurnId>,
    /// The answer of the previous turn that the user was replying to.
    #[serde(default)]
    pub after: Option<MessageId>,
    /// All versions of the question including this one, oldest first; empty if it was never edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<TurnId>,
    /// The user's message.
    #[serde(default)]
    pub question: String,
    /// The answers, oldest first; empty for a message that was only stored.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// Index of the answer that is shown.
    #[serde(default)]
    pub active: usize,
    /// Number of answers created so far: a number is never reused.
    #[serde(default)]
    pub numbered: u8,
    /// Revision. A writer states the revision it read.
    #[serde(default)]
    pub rev: u64,
    /// Whether its text was deleted; it then only connects the turns around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// When the question was received.
    pub created_at: Timestamp,
}

impl Turn {
    /// Creates a turn of the conversation after `before`, without answers.
    pub fn new(
        id: TurnId,
        conversation: ConversationId,
        before: Option<&Self>,
        question: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            conversation,
            parent: before.map(|turn| turn.id.clone()),
            after: before.and_then(|turn| turn.shown()).map(|answer| answer.id.clone()),
            versions: Vec::new(),
            question,
            answers: Vec::new(),
            active: 0,
            numbered: 0,
            rev: 0,
            deleted: false,
            created_at: now,
        }
    }

    /// Adds an empty answer and makes it the shown one; returns `None` if there are already too many.
    pub fn add_answer(&mut self, now: Timestamp) -> Option<&mut Answer> {
        if usize::from(self.numbered) >= MAX_ANSWERS {
            return None;
        }
        self.numbered += 1;
        self.answers.push(Answer::new(self.id.answer(self.numbered), now));
        self.active = self.answers.len() - 1;
        self.answers.last_mut()
    }

    /// Returns when its last answer was started, or when the question was received if there is none.
    pub fn touched_at(&self) -> Timestamp {
        self.answers.last().map_or(self.created_at, |answer| answer.created_at)
    }

    /// Returns the answer that is shown.
    pub fn shown(&self) -> Option<&Answer> {
        self.answers.get(self.active).or_else(|| self.answers.last())
    }

    /// Returns the answer with this ID.
    pub fn answer(&self, id: &MessageId) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.id == *id)
    }

    /// Returns the answer with this ID for changing.
    pub fn answer_mut(&mut self, id: &MessageId) -> Option<&mut Answer> {
        self.answers.iter_mut().find(|answer| answer.id == *id)
    }

    /// Returns the message before its question, if there is one.
    pub fn before(&self) -> Option<MessageId> {
        self.after
            .clone()
            .or_else(|| self.parent.as_ref().map(TurnId::question))
    }

    /// Shows an answer; returns `false` if it does not belong to this turn.
    pub fn show(&mut self, id: &MessageId) -> bool {
        let at = self.answers.iter().position(|answer| answer.id == *id);
        self.active = at.unwrap_or(self.active);
        at.is_some()
    }

    /// Returns whether one of its answers is being generated at `now`.
    pub fn is_generating(&self, now: Timestamp) -> bool {
        self.answers.iter().any(|answer| answer.is_generating(now))
    }

    /// Deletes its text. The turns before and after it stay.
    pub fn erase(&mut self) {
        self.question.clear();
        self.answers.clear();
        self.versions.clear();
        self.deleted = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ids, time::Clock};

    fn turn() -> Turn {
        let ids = Ids::default();
        let conversation: ConversationId = ids.make().unwrap_or_else(|_| unreachable!());
        let id = ids.make_turn(&conversation, None).unwrap_or_else(|_| unreachable!());
        Turn::new(id, conversation, None, "Why?".to_owned(), Clock::default().now())
    }

    #[test]
    fn an_answer_is_never_numbered_as_one_before_it() {
        let (mut turn, now) = (turn(), Clock::default().now());
        let first = turn.add_answer(now).map(|answer| answer.id.clone());
        turn.answers.clear();
        assert_ne!(turn.add_answer(now).map(|answer| answer.id.clone()), first);
        while turn.add_answer(now).is_some() {}
        assert_eq!(turn.numbered, 255);
        let mut ids: Vec<_> = turn.answers.iter().map(|answer| &answer.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 254);
    }

    #[test]
    fn an_answer_whose_writer_is_gone_has_failed() {
        let (mut turn, now) = (turn(), Clock::default().now());
        if let Some(answer) = turn.add_answer(now) {
            answer.status = AnswerStatus::Generating;
            answer.lease_until_ms = now.as_millisecond();
        }
        assert!(turn.is_generating(now));
        let later = Timestamp::from_millisecond(now.as_millisecond() + 1).unwrap_or(now);
        assert_eq!(turn.answers[0].status_at(later), AnswerStatus::Failed);
        assert!(!turn.is_generating(later));
    }

    #[test]
    fn the_shown_answer_is_one_that_exists() {
        let (mut turn, now) = (turn(), Clock::default().now());
        assert_eq!(turn.shown(), None);
        turn.add_answer(now);
        turn.add_answer(now);
        let first = turn.answers[0].id.clone();
        assert!(turn.show(&first) && !turn.show(&turn.id.question()));
        assert_eq!(turn.shown().map(|answer| &answer.id), Some(&first));
        turn.active = 7;
        assert_eq!(turn.shown().map(|answer| &answer.id), Some(&turn.answers[1].id));
    }
}
