//! Chatbots: settings plus the documents they answer from.

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, DocumentId, OrgId, Timestamp, UserId};

/// How a chatbot answers and looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatbotSettings {
    /// Model or alias that answers.
    pub model: String,
    /// Instructions in front of every conversation.
    pub system_prompt: Option<String>,
    /// First message shown to a person.
    pub welcome_message: Option<String>,
    /// Sampling temperature, 0 to 2; none is the model's default.
    pub temperature: Option<f32>,
    /// Longest answer, tokens.
    pub max_tokens: u32,
    /// Passages given to the model.
    pub top_k: u32,
    /// Accent color of the widget, `#rrggbb`.
    pub color: Option<String>,
    /// Most LLM tokens that it uses in a day; no limit of its own when absent.
    pub daily_token_cap: Option<u64>,
}

impl Default for ChatbotSettings {
    fn default() -> Self {
        Self {
            model: "local".to_owned(),
            system_prompt: None,
            welcome_message: None,
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
    /// The tenant.
    pub org: OrgId,
    /// Who made it.
    pub created_by: UserId,
    /// Name shown to people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How it answers and looks.
    pub settings: ChatbotSettings,
    /// What it answers from, oldest document first, each once.
    #[serde(default)]
    pub documents: Vec<DocumentId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Chatbot {
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 100;
    /// Most documents of one chatbot: what one answer can read within its time limit.
    pub const MAX_DOCUMENTS: usize = 100;
}
