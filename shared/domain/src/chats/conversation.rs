//! Conversations: one entity behind every kind of chat session.

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, ConversationId, DocumentId, OrgId, Timestamp, TurnId, UserId, integrations::visitor::Visitor};

/// A conversation of one user, or of one visitor, with a model or a chatbot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its ID.
    pub id: ConversationId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who owns it. Nobody else can see it, including members of the same organization.
    pub user: UserId,
    /// The chatbot that answers, if any.
    pub chatbot: Option<ChatbotId>,
    /// Title shown in lists.
    pub title: Option<String>,
    /// Whether its user pinned it.
    #[serde(default)]
    pub pinned: bool,
    /// The model or alias that answers if there is no chatbot.
    #[serde(default)]
    pub model: Option<String>,
    /// The last turn shown: the path from the first turn to it is the visible conversation. `None` before the first
    /// turn.
    #[serde(default)]
    pub head: Option<TurnId>,
    /// Revision of the path. A writer states the revision it read, so that two concurrent writers never both succeed.
    #[serde(default)]
    pub rev: u64,
    /// Where others hold it with an integration of its user; `None` if the user holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ConversationChannel>,
    /// The visitor who holds it on a web site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// Documents that were shared in it, and are asked besides those of its chatbot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed or received a turn.
    pub updated_at: Timestamp,
}

/// Where a conversation takes place that an integration holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversationChannel {
    /// In a thread of Slack.
    Slack,
    /// In the widget on a web site.
    Website,
}

/// Title of a conversation without one, where a client needs it.
pub const UNTITLED: &str = "New chat";

impl Conversation {
    /// Maximum number of documents that are shared in one.
    pub const MAX_DOCUMENTS: usize = 50;

    /// Returns its title, or [`UNTITLED`].
    pub fn title_or_default(&self) -> &str {
        self.title.as_deref().unwrap_or(UNTITLED)
    }
}

/// A passage of a document that supports a statement of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Citation {
    /// The number used in the answer's text, as in `[1]`.
    pub number: u32,
    /// The document's ID.
    pub document_id: String,
    /// The document's name when the answer was generated.
    pub name: String,
    /// Page number, counted from 1 (PDF).
    pub page: Option<u32>,
    /// Heading path (DOCX, text with headings).
    pub heading: Option<String>,
    /// The text that supports the answer.
    pub excerpt: String,
    /// Relevance to the question; only comparable within one answer.
    pub score: f32,
}

/// Token usage of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Usage {
    /// Tokens read by the model.
    pub prompt_tokens: u64,
    /// Tokens written by the model.
    pub completion_tokens: u64,
    /// Sum of both.
    pub total_tokens: u64,
    /// Whether the provider reported no usage, so that these are our estimates.
    pub estimated: bool,
}

impl Usage {
    /// Returns the sum of both, for an answer that took two calls.
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

/// Maximum message length, in characters.
pub const MAX_MESSAGE: usize = 32_000;
/// Maximum title length, in characters.
pub const MAX_TITLE: usize = 200;
