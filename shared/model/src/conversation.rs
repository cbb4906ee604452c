//! Conversations: one entity behind every kind of chat session.

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, ConversationId, OrgId, Timestamp, TurnId, UserId};

/// A conversation of one person, or of one visitor, with a model or a chatbot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The tenant.
    pub org: OrgId,
    /// Whose it is. Nobody else sees it, members of the same organization included.
    pub user: UserId,
    /// The chatbot that answers.
    pub chatbot: Option<ChatbotId>,
    /// Shown in lists.
    pub title: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Last turn or change.
    pub updated_at: Timestamp,
}

/// Where an answer is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TurnStatus {
    /// The model is answering.
    Generating,
    /// The answer is whole.
    Complete,
    /// The answer broke off; what there is of it is kept.
    Failed,
}

/// A passage of a document that backs a statement of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Citation {
    /// The number used in the text, as in `[1]`.
    pub number: u32,
    /// The document.
    pub document_id: String,
    /// Its name when the answer was given.
    pub name: String,
    /// Page, counted from 1 (PDF).
    pub page: Option<u32>,
    /// Heading path (DOCX, text with headings).
    pub heading: Option<String>,
    /// The words that back the answer.
    pub excerpt: String,
    /// Relevance to the question; comparable within one answer only.
    pub score: f32,
}

/// What a turn cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Usage {
    /// Tokens read by the model.
    pub prompt_tokens: u64,
    /// Tokens written by the model.
    pub completion_tokens: u64,
    /// Both together.
    pub total_tokens: u64,
    /// The provider did not say; these are our estimates.
    pub estimated: bool,
}

/// A message and the answer to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Its id, also that of the question as a message; turns sort by it.
    pub id: TurnId,
    /// Id of the answer as a message.
    pub answer_id: TurnId,
    /// The conversation.
    pub conversation: ConversationId,
    /// What the person wrote.
    pub question: String,
    /// What was answered so far.
    pub answer: String,
    /// Passages the answer cites, by number.
    pub citations: Vec<Citation>,
    /// Something the person should know about the answer, for example that documents were still being read.
    pub notice: Option<String>,
    /// The model that answered.
    pub model: String,
    /// The model that was asked for, when another one answered.
    pub requested_model: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// Why the model stopped: `stop`, `length`, `content_filter`.
    pub finish_reason: Option<String>,
    /// Where the answer is on its way.
    pub status: TurnStatus,
    /// A `Generating` turn has failed from here on, milliseconds since the Unix epoch.
    pub lease_until_ms: i64,
    /// When the question came.
    pub created_at: Timestamp,
    /// When the answer was whole.
    pub completed_at: Option<Timestamp>,
}

impl Turn {
    /// Where the answer is at `now`: one that nobody works on any more has failed.
    pub fn status_at(&self, now: Timestamp) -> TurnStatus {
        match self.status {
            TurnStatus::Generating if self.lease_until_ms < now.as_millisecond() => TurnStatus::Failed,
            status => status,
        }
    }
}

/// Longest message, in characters.
pub const MAX_MESSAGE: usize = 32_000;
