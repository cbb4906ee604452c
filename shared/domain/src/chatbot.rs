//! Chatbots: settings plus the documents they answer from.

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, DocumentId, OrgId, Timestamp, UserId};

/// What a chatbot answers if its documents contain nothing about a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerMode {
    /// The model is asked nevertheless, and knows the conversation.
    #[default]
    Chat,
    /// Only from documents: without a passage it answers its refusal text, and no model is called.
    Query,
}

/// A question with a prescribed answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedAnswer {
    /// The question. Another wording with the same words, in any order and inflection, is the same question.
    pub question: String,
    /// The answer, given as it is.
    pub answer: String,
}

impl FixedAnswer {
    /// Maximum number of fixed answers of one chatbot.
    pub const MAX: usize = 50;
    /// Maximum length of a question, in characters.
    pub const MAX_QUESTION: usize = 300;
    /// Maximum length of an answer, in characters.
    pub const MAX_ANSWER: usize = 2_000;
    /// Maximum size of all questions and answers of a chatbot together, in bytes: every request reads them.
    pub const MAX_BYTES: usize = 32 * 1024;
}

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
    /// What it answers if its documents contain nothing about a question.
    pub mode: AnswerMode,
    /// Questions with a prescribed answer.
    pub fixed_answers: Vec<FixedAnswer>,
    /// Whether its model rewrites a follow-up question before its documents are searched.
    pub rewrite_questions: bool,
    /// The share of a question that a passage must contain to be given to the model, 0 to 1.
    pub min_relevance: f32,
    /// The model that orders the passages that a search finds; `None` means the order of the search.
    pub rerank_model: Option<String>,
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
            mode: AnswerMode::Chat,
            fixed_answers: Vec::new(),
            rewrite_questions: true,
            min_relevance: 0.0,
            rerank_model: None,
            temperature: None,
            max_tokens: 1024,
            top_k: 8,
            color: None,
            daily_token_cap: None,
        }
    }
}

/// What visitors see of a chatbot: its name and settings when it was last published. Later changes are a draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedChatbot {
    /// Display name.
    pub name: String,
    /// Its behavior and appearance.
    pub settings: ChatbotSettings,
    /// When it was published.
    pub published_at: Timestamp,
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
    /// What visitors see; `None` if they see nothing. Stored in attributes of its own.
    #[serde(skip)]
    pub published: Option<PublishedChatbot>,
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

    /// Returns the chatbot as visitors see it; `None` if it is not published.
    #[must_use]
    pub fn as_published(mut self) -> Option<Self> {
        let published = self.published.take()?;
        self.name.clone_from(&published.name);
        self.settings = published.settings.clone();
        self.published = Some(published);
        Some(self)
    }

    /// Returns whether its name or settings differ from what visitors see.
    pub fn has_draft(&self) -> bool {
        let published = self.published.as_ref();
        published.is_some_and(|published| published.name != self.name || published.settings != self.settings)
    }

    /// Returns the prefix of the object keys of all chatbots of an organization.
    pub fn folders(org: &OrgId) -> String {
        format!("t/{org}/b/")
    }

    /// Returns the prefix of a chatbot's object keys.
    pub fn folder(org: &OrgId, id: &ChatbotId) -> String {
        format!("{}{id}/", Self::folders(org))
    }
}
