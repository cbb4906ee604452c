//! A turn of a conversation as a prompt: one row is a user's message and the answers to it.

use domain::{
    ConversationId, Timestamp, Turn, UserId,
    chats::conversation::MAX_MESSAGE,
    chats::turn::{MAX_RESPONSE, MAX_RESPONSES},
};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::not_blank;

/// A new prompt.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct NewPrompt {
    /// The text of the user's message.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    #[schemars(regex(pattern = crate::NOT_BLANK))]
    pub prompt_text: String,
    /// The answers to it.
    #[serde(default)]
    #[garde(length(max = MAX_RESPONSES), inner(length(chars, max = MAX_RESPONSE)))]
    pub llm_responses: Vec<String>,
    /// ID of the chat session's user; may be omitted.
    pub user_id: Option<UserId>,
    /// ID of the chat session.
    pub session_id: ConversationId,
}

/// A prompt with its answers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PromptView {
    prompt_id: String,
    user_id: String,
    session_id: String,
    prompt_text: String,
    /// All answers to it, oldest first.
    llm_responses: Vec<String>,
    timestamp: Timestamp,
}

impl PromptView {
    /// Returns the row of a turn in a conversation of `user`.
    pub fn new(turn: Turn, user: &UserId) -> Self {
        Self {
            prompt_id: turn.id.0,
            user_id: user.0.clone(),
            session_id: turn.conversation.0,
            prompt_text: turn.question,
            llm_responses: turn.answers.into_iter().map(|answer| answer.text).collect(),
            timestamp: turn.created_at,
        }
    }
}
