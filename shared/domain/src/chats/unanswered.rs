//! Questions that a chatbot did not answer: what its editors have to add to its documents.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, ConversationId, MessageId, Timestamp, UserId, time::after};

/// A question that a chatbot answered with nothing but its refusal. It names the turn and holds no text, so that the
/// text goes with the chat session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredQuestion {
    /// The refusal, which leads to its turn.
    pub answer: MessageId,
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// Who asked.
    pub user: UserId,
    /// The chat session.
    pub conversation: ConversationId,
    /// A hash of the words of the question: equal for questions with the same words.
    pub words: String,
    /// When the refusal was given.
    pub at: Timestamp,
}

impl UnansweredQuestion {
    /// How long it is listed.
    pub const LISTED: Duration = Duration::from_hours(90 * 24);
    /// Maximum number of a chatbot's questions that a list takes into account, the newest ones.
    pub const MAX_LISTED: u16 = 1_000;

    /// Returns when it is no longer listed.
    pub fn expires_at(&self) -> Timestamp {
        after(self.at, Self::LISTED)
    }

    /// Returns whether it is listed at `now`.
    pub fn is_listed(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }
}
