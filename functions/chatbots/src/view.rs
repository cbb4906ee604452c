//! Chatbots as clients see them.

use domain::{Chatbot, ChatbotSettings, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// A chatbot.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChatbotView {
    id: String,
    name: String,
    description: Option<String>,
    settings: SettingsView,
    /// IDs of the documents it answers from.
    documents: Vec<String>,
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
            documents: bot.documents.into_iter().map(|id| id.0).collect(),
            user_id: bot.created_by.0,
            org_id: bot.org.0,
            created_at: bot.created_at,
            updated_at: bot.updated_at,
        }
    }
}
