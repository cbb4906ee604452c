//! Turns: what a person wrote, and the answers to it.
//!
//! The turns of a conversation are a tree. A question that is edited is a further turn behind the same answer; an
//! answer that is made again is a further answer of the same turn. The path from the first turn to the conversation's
//! head is what everyone is shown.

use serde::{Deserialize, Serialize};

use crate::{Citation, ConversationId, MessageId, Timestamp, TurnId, Usage, id::MAX_ANSWERS};

/// Where an answer is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswerStatus {
    /// The model is answering.
    Generating,
    /// The answer is whole.
    Complete,
    /// It was stopped by its person; what was written until then is kept.
    Stopped,
    /// The answer broke off; what there is of it is kept.
    Failed,
}

/// Most answers that a client may store with a question at once.
pub const MAX_RESPONSES: usize = 32;
/// Longest answer that a client may store, in characters.
pub const MAX_RESPONSE: usize = 200_000;

/// What a person thinks of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// Good.
    Up,
    /// Not good.
    Down,
}

/// A person's opinion of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Feedback {
    /// Good or not.
    pub rating: Rating,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When they said so.
    pub at: Timestamp,
}

/// An answer to a question: one of its variants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its ID as a message.
    pub id: MessageId,
    /// What was answered so far.
    pub text: String,
    /// Passages the answer cites, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// Something the person should know about the answer, for example that documents were still being read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The model that answered; none when a client stored an answer of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Who runs that model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model that was asked for, when another one answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// Whether another model answered because the one that was asked for could not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallback: bool,
    /// What it cost in tokens.
    #[serde(default)]
    pub usage: Usage,
    /// What it cost, in millionths of a US dollar; none for a model without a known price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// Milliseconds from the question to the end of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Milliseconds from the question to the first words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_token_ms: Option<u64>,
    /// Why the model stopped: `stop`, `length`, `content_filter`, `stopped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Where the answer is on its way.
    pub status: AnswerStatus,
    /// Why it failed, as the stable word of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// A `Generating` answer has failed from here on, milliseconds since the Unix epoch. Who writes it moves this on.
    #[serde(default)]
    pub lease_until_ms: i64,
    /// What its person thinks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

impl Answer {
    /// An answer without words yet, complete until someone says otherwise.
    pub fn new(id: MessageId, now: Timestamp) -> Self {
        Self {
            id,
            text: String::new(),
            citations: Vec::new(),
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
            created_at: now,
            completed_at: None,
        }
    }

    /// Where the answer is at `now`: one that no one works on any more has failed.
    pub fn status_at(&self, now: Timestamp) -> AnswerStatus {
        match self.status {
            AnswerStatus::Generating if self.lease_until_ms < now.as_millisecond() => AnswerStatus::Failed,
            status => status,
        }
    }

    /// Whether someone is writing it at `now`.
    pub fn is_generating(&self, now: Timestamp) -> bool {
        self.status_at(now) == AnswerStatus::Generating
    }

    /// Whether a model may be reminded of it: what broke off says nothing that was meant.
    pub fn is_said(&self) -> bool {
        matches!(self.status, AnswerStatus::Complete | AnswerStatus::Stopped)
            && !self.text.is_empty()
            && !self.is_blank()
    }

    /// Whether all of its text is what the product says in the place of an answer: why the model gave none.
    pub fn is_blank(&self) -> bool {
        self.notice.as_deref() == Some(self.text.as_str())
    }
}

/// A message of a person and the answers to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Its ID, also that of the question as a message; a turn has a greater one than the turns before it.
    pub id: TurnId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The turn before it; none for a first one.
    #[serde(default)]
    pub parent: Option<TurnId>,
    /// The answer of that turn which the person had in front of them.
    #[serde(default)]
    pub after: Option<MessageId>,
    /// All versions of the question, this one included, oldest first; empty when it was never edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<TurnId>,
    /// What the person wrote.
    #[serde(default)]
    pub question: String,
    /// The answers to it, oldest first. It may have none: a message that was only stored.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// Which answer is shown.
    #[serde(default)]
    pub active: usize,
    /// Numbers given to answers so far: none is given twice.
    #[serde(default)]
    pub numbered: u8,
    /// Counts the writes: who writes says what it was before.
    #[serde(default)]
    pub rev: u64,
    /// Its words are gone; it only joins the turns around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// When the question came.
    pub created_at: Timestamp,
}

impl Turn {
    /// A turn of the conversation behind `before`, without answers.
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

    /// Adds an answer without words and shows it; `None` when there are too many already.
    pub fn add_answer(&mut self, now: Timestamp) -> Option<&mut Answer> {
        if usize::from(self.numbered) >= MAX_ANSWERS {
            return None;
        }
        self.numbered += 1;
        self.answers.push(Answer::new(self.id.answer(self.numbered), now));
        self.active = self.answers.len() - 1;
        self.answers.last_mut()
    }

    /// When its last answer was begun, or else when the question came.
    pub fn touched_at(&self) -> Timestamp {
        self.answers.last().map_or(self.created_at, |answer| answer.created_at)
    }

    /// The answer that is shown.
    pub fn shown(&self) -> Option<&Answer> {
        self.answers.get(self.active).or_else(|| self.answers.last())
    }

    /// An answer by its ID.
    pub fn answer(&self, id: &MessageId) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.id == *id)
    }

    /// An answer by its ID, to be changed.
    pub fn answer_mut(&mut self, id: &MessageId) -> Option<&mut Answer> {
        self.answers.iter_mut().find(|answer| answer.id == *id)
    }

    /// The message that came before its question, when there is one.
    pub fn before(&self) -> Option<MessageId> {
        self.after
            .clone()
            .or_else(|| self.parent.as_ref().map(TurnId::question))
    }

    /// Shows an answer; `false` when it is none of this turn.
    pub fn show(&mut self, id: &MessageId) -> bool {
        let at = self.answers.iter().position(|answer| answer.id == *id);
        self.active = at.unwrap_or(self.active);
        at.is_some()
    }

    /// Whether one of its answers is being written at `now`.
    pub fn is_generating(&self, now: Timestamp) -> bool {
        self.answers.iter().any(|answer| answer.is_generating(now))
    }

    /// Takes its words away. What was said before and after it stays.
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
