//! Chatbots as clients see them.

use app::FoundPassage;
use domain::{AnswerMode, Chatbot, ChatbotSettings, Document, DocumentStatus, FixedAnswer, Timestamp};
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
    /// When it was published; null if visitors do not see it.
    published_at: Option<Timestamp>,
    /// Whether its name or settings were changed since it was published.
    has_draft: bool,
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
    /// Questions offered to users at the beginning.
    suggested_questions: Vec<String>,
    /// Its answer if the documents do not answer a question; null for the model's own words.
    refusal_text: Option<String>,
    /// `chat`, or `query`: only from documents.
    mode: AnswerMode,
    /// Questions with a prescribed answer.
    fixed_answers: Vec<FixedAnswerView>,
    /// Whether the model rewrites follow-up questions before the documents are searched.
    rewrite_questions: bool,
    /// The share of a question that a passage must contain to be given to the model, 0 to 1.
    min_relevance: f32,
    /// The model that orders the passages that a search finds, if any.
    rerank_model: Option<String>,
    temperature: Option<f32>,
    /// Maximum length of an answer, in tokens.
    max_tokens: u32,
    /// Number of passages given to the model.
    top_k: u32,
    color: Option<String>,
    /// Maximum LLM tokens per day; null for no separate limit.
    daily_token_cap: Option<u64>,
}

/// A question with a prescribed answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FixedAnswerOfChatbot")]
pub(crate) struct FixedAnswerView {
    question: String,
    answer: String,
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
            suggested_questions,
            refusal_text,
            mode,
            fixed_answers,
            rewrite_questions,
            min_relevance,
            rerank_model,
            temperature,
            max_tokens,
            top_k,
            color,
            daily_token_cap,
        } = settings;
        let fixed_answers = fixed_answers.into_iter();
        Self {
            model,
            system_prompt,
            welcome_message,
            suggested_questions,
            refusal_text,
            mode,
            fixed_answers: fixed_answers
                .map(|FixedAnswer { question, answer }| FixedAnswerView { question, answer })
                .collect(),
            rewrite_questions,
            min_relevance,
            rerank_model,
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
            has_draft: bot.has_draft(),
            published_at: bot.published.map(|published| published.published_at),
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

/// The passages that a question finds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SearchView {
    /// Best first.
    passages: Vec<PassageView>,
}

/// A passage of a document.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PassageView {
    document_id: String,
    /// Display name of the document.
    name: String,
    /// Page of the document, from 1, if it has pages.
    page: Option<u32>,
    /// Path of headings, if the document has headings instead of pages.
    heading: Option<String>,
    /// Its number in the document, from 0 in reading order.
    passage: u32,
    text: String,
    /// ISO 639 code of its language; `und` if it is not known.
    language: &'static str,
    /// Rank of the search (BM25); higher is better, comparable within one search.
    score: f32,
    /// The share of the question that it contains, 0 to 1, weighted by the rarity of the words.
    relevance: f32,
    /// Whether the model would be given it.
    is_used: bool,
}

impl From<Vec<FoundPassage>> for SearchView {
    fn from(found: Vec<FoundPassage>) -> Self {
        let passages = found.into_iter().map(|FoundPassage { passage, is_used }| PassageView {
            page: passage.place.page(),
            heading: passage.place.heading().map(str::to_owned),
            document_id: passage.document_id,
            name: passage.name,
            passage: passage.chunk,
            text: passage.text,
            language: passage.language.iso_code(),
            score: passage.score,
            relevance: passage.relevance,
            is_used,
        });
        Self {
            passages: passages.collect(),
        }
    }
}
