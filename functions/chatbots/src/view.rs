//! Chatbots as clients see them.

use domain::{Chatbot, ChatbotSettings, Document, DocumentStatus, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// A chatbot.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChatbotView {
    id: String,
    name: String,
    description: Option<String>,
    settings: SettingsView,
    /// IDs of the documents it answers from, oldest first; in lists at most the first 20 of them.
    documents: Vec<String>,
    /// Number of all documents it answers from.
    document_count: usize,
    /// ID of its creator.
    user_id: String,
    org_id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// How it answers and looks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SettingsView {
    model: String,
    system_prompt: Option<String>,
    welcome_message: Option<String>,
    temperature: Option<f32>,
    /// Maximum length of an answer, in tokens.
    max_tokens: u32,
    /// Number of passages given to the model.
    top_k: u32,
    color: Option<String>,
    /// Maximum LLM tokens per day; null for no separate limit.
    daily_token_cap: Option<u64>,
}

/// A document of a chatbot.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatbotDocument")]
pub(crate) struct ChatbotDocumentView {
    id: String,
    name: String,
    /// Chatbots answer from it when it is `ready`.
    status: DocumentStatus,
    tags: Vec<String>,
    created_at: Timestamp,
}

impl From<Document> for ChatbotDocumentView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id.0,
            name: document.name,
            status: document.status,
            tags: document.tags,
            created_at: document.created_at,
        }
    }
}

impl ChatbotView {
    /// Returns the same for a list, which would be too long for a response with all IDs.
    pub(crate) fn shortened(mut self) -> Self {
        self.documents.truncate(20);
        self
    }
}

impl From<ChatbotSettings> for SettingsView {
    fn from(settings: ChatbotSettings) -> Self {
        let ChatbotSettings {
            model,
            system_prompt,
            welcome_message,
            temperature,
            max_tokens,
            top_k,
            color,
            daily_token_cap,
        } = settings;
        Self {
            model,
            system_prompt,
            welcome_message,
            temperature,
            max_tokens,
            top_k,
            color,
            daily_token_cap,
        }
    }
}

impl From<Chatbot> for ChatbotView {
    fn from(bot: Chatbot) -> Self {
        Self {
            id: bot.id.0,
            name: bot.name,
            description: bot.description,
            settings: bot.settings.into(),
            document_count: bot.documents.len(),
            documents: bot.documents.into_iter().map(|id| id.0).collect(),
            user_id: bot.created_by.0,
            org_id: bot.org.0,
            created_at: bot.created_at,
            updated_at: bot.updated_at,
        }
    }
}
