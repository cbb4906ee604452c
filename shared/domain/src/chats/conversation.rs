//! Conversations: one entity behind every kind of chat session.

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, ConversationId, OrgId, Timestamp, TurnId, UserId};

/// A conversation of one person, or of one visitor, with a model or a chatbot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its ID.
    pub id: ConversationId,
    /// The tenant.
    pub org: OrgId,
    /// Whose it is. No one else sees it, members of the same organization included.
    pub user: UserId,
    /// The chatbot that answers.
    pub chatbot: Option<ChatbotId>,
    /// Shown in lists.
    pub title: Option<String>,
    /// Kept at hand by its person.
    #[serde(default)]
    pub pinned: bool,
    /// The model or alias that answers when there is no chatbot.
    #[serde(default)]
    pub model: Option<String>,
    /// The turn that is shown last: the path from the first turn to it is what was said. None before the first one.
    #[serde(default)]
    pub head: Option<TurnId>,
    /// Counts what was done to the path. Who adds to it says what it was before, so that two at once never both do.
    #[serde(default)]
    pub rev: u64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Last turn or change.
    pub updated_at: Timestamp,
}

/// The title of a conversation that has none yet, where a client needs one.
pub const UNTITLED: &str = "New chat";

impl Conversation {
    /// Its title, or [`UNTITLED`].
    pub fn title_or_default(&self) -> &str {
        self.title.as_deref().unwrap_or(UNTITLED)
    }
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

impl Usage {
    /// Both together, when an answer took two calls.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens + other.prompt_tokens,
            completion_tokens: self.completion_tokens + other.completion_tokens,
            total_tokens: self.total_tokens + other.total_tokens,
            estimated: self.estimated || other.estimated,
        }
    }
}

/// Longest message, in characters.
pub const MAX_MESSAGE: usize = 32_000;
/// Longest title, in characters.
pub const MAX_TITLE: usize = 200;
