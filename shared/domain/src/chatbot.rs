//! Chatbots: settings plus the documents they answer from.

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, DocumentId, OrgId, Timestamp, UserId};

/// A chatbot's behavior and appearance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatbotSettings {
    /// Model or alias that generates the answers.
    pub model: String,
    /// System prompt of every conversation.
    pub system_prompt: Option<String>,
    /// First message shown to the user.
    pub welcome_message: Option<String>,
    /// Questions offered to the user at the beginning.
    pub suggested_questions: Vec<String>,
    /// Its answer if the documents do not answer a question; `None` means the model's own words.
    pub refusal_text: Option<String>,
    /// The share of a question that a passage must contain to be given to the model, 0 to 1.
    pub min_relevance: f32,
    /// Sampling temperature, 0 to 2; `None` means the model's default.
    pub temperature: Option<f32>,
    /// Maximum answer length, in tokens.
    pub max_tokens: u32,
    /// Number of passages given to the model.
    pub top_k: u32,
    /// Accent color of the widget, `#rrggbb`.
    pub color: Option<String>,
    /// Maximum number of LLM tokens it uses per day; `None` means no limit of its own.
    pub daily_token_cap: Option<u64>,
}

impl Default for ChatbotSettings {
    fn default() -> Self {
        Self {
            model: "local".to_owned(),
            system_prompt: None,
            welcome_message: None,
            suggested_questions: Vec::new(),
            refusal_text: None,
            min_relevance: 0.0,
            temperature: None,
            max_tokens: 1024,
            top_k: 8,
            color: None,
            daily_token_cap: None,
        }
    }
}

/// A chatbot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chatbot {
    /// Its ID.
    pub id: ChatbotId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who created it.
    pub created_by: UserId,
    /// Display name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its behavior and appearance.
    pub settings: ChatbotSettings,
    /// The documents it answers from, oldest first, without duplicates.
    #[serde(default)]
    pub documents: Vec<DocumentId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Chatbot {
    /// Maximum name length, in characters.
    pub const MAX_NAME: usize = 100;
    /// Maximum number of documents of one chatbot. Their IDs are a part of its item, of which they take a fifth.
    pub const MAX_DOCUMENTS: usize = 2_000;

    /// Returns the prefix of the object keys of all chatbots of an organization.
    pub fn folders(org: &OrgId) -> String {
        format!("t/{org}/b/")
    }

    /// Returns the prefix of a chatbot's object keys.
    pub fn folder(org: &OrgId, id: &ChatbotId) -> String {
        format!("{}{id}/", Self::folders(org))
    }
}
