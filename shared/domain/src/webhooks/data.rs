//! The data of events. It names things by their IDs and holds no texts of conversations, no addresses and no names of
//! people: it is stored for a month and sent to systems that an erasure does not reach.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ApiKey, ApiKeyId, ChatbotId, ConversationId, CrawlId, CrawlStatus, Document, DocumentId, IndexFailure,
    IntegrationId, IntegrationType, MessageId, OrgRole, Permission, Plan, Rating, SubscriptionStatus, Timestamp,
    TurnId, UserId, WebhookId,
};

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentEvent {
    /// ID of the document.
    pub document_id: DocumentId,
    /// Its name at that time.
    pub name: String,
    /// Number of the version.
    pub version: u32,
    /// Why it cannot be indexed; null unless it failed.
    pub error: Option<DocumentError>,
    /// ID of the user that uploaded it.
    pub created_by: UserId,
}

impl DocumentEvent {
    /// Returns what an event says about a document. `failure`: of this version.
    pub fn of(document: &Document, version: u32, failure: Option<&IndexFailure>) -> Self {
        Self {
            document_id: document.id.clone(),
            name: document.name.clone(),
            version,
            error: failure.map(|failure| DocumentError {
                code: failure.code.clone(),
                detail: failure.detail.clone(),
            }),
            created_by: document.created_by.clone(),
        }
    }
}

/// Why a document cannot be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentError {
    /// Stable code, such as `encrypted` or `no_text`.
    pub code: String,
    /// What to do, as a sentence.
    pub detail: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageEvent {
    /// ID of the answer.
    pub message_id: MessageId,
    /// ID of the question, which is also that of the prompt.
    pub prompt_id: TurnId,
    /// ID of the chat session.
    pub session_id: ConversationId,
    /// ID of the user that asked.
    pub user_id: UserId,
    /// ID of the chatbot that answered, if one did.
    pub chatbot_id: Option<ChatbotId>,
    /// The model that answered.
    pub model: String,
    /// Why the answer ended, such as `stop` or `length`.
    pub finish_reason: Option<String>,
    /// LLM tokens of prompt and answer.
    pub total_tokens: u64,
    /// Question and answer, for webhooks with `include_content` while they exist; null otherwise.
    #[serde(default)]
    pub content: Option<MessageTexts>,
}

/// The texts of a question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageTexts {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// A rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackEvent {
    /// ID of the rated answer.
    pub message_id: MessageId,
    /// ID of its question, which is also that of the prompt.
    pub prompt_id: TurnId,
    /// ID of the chat session.
    pub session_id: ConversationId,
    /// ID of the user that rated it.
    pub user_id: UserId,
    /// The rating; null if it was withdrawn.
    pub rating: Option<Rating>,
    /// The reason in the user's words, and question and answer, for webhooks with `include_content` while they exist;
    /// null otherwise.
    #[serde(default)]
    pub content: Option<FeedbackTexts>,
}

/// The texts of a rated answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackTexts {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// The reason in the user's words; null if none was given.
    pub reason: Option<String>,
}

/// A daily limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitEvent {
    /// Whose limit it is.
    pub scope: LimitOwner,
    /// ID of the user, if it is a user's.
    pub user_id: Option<UserId>,
    /// 50, 80 or 100.
    pub percent: u32,
    /// LLM tokens used that day.
    pub used: u64,
    /// The limit, in LLM tokens.
    pub limit: u64,
    /// The day, such as `2026-11-30`.
    pub day: String,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitOwner {
    /// A user's.
    User,
    /// The organization's.
    Org,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionEvent {
    /// The plan that applies.
    pub plan: Plan,
    /// Status of the subscription; null if there is none.
    pub status: Option<SubscriptionStatus>,
    /// End of the paid period.
    pub current_period_end: Option<Timestamp>,
    /// When it ends; null if it is renewed.
    pub cancel_at: Option<Timestamp>,
}

/// A payment of the subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceEvent {
    /// Amount in hundredths of the currency's unit.
    pub amount_cents: u64,
    /// ISO 4217 code in lower case.
    pub currency: String,
    /// The plan that applies.
    pub plan: Plan,
    /// Status of the subscription; null if there is none.
    pub status: Option<SubscriptionStatus>,
    /// Until when the plan stays if the payment remains overdue; null if it is not.
    pub grace_until: Option<Timestamp>,
}

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberEvent {
    /// ID of the user.
    pub user_id: UserId,
    /// The role.
    pub role: OrgRole,
}

/// A changed role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleEvent {
    /// ID of the user.
    pub user_id: UserId,
    /// The new role.
    pub role: OrgRole,
    /// The role before.
    pub previous_role: OrgRole,
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyEvent {
    /// ID of the key.
    pub api_key_id: ApiKeyId,
    /// First characters of the key.
    pub prefix: String,
    /// Its scopes.
    pub scopes: Vec<Permission>,
    /// ID of the user that it acts for.
    pub user_id: UserId,
    /// When it expires; null if it does not.
    pub expires_at: Option<Timestamp>,
}

impl ApiKeyEvent {
    /// Returns what an event says about a key.
    pub fn of(key: &ApiKey) -> Self {
        Self {
            api_key_id: key.id.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.iter().copied().collect(),
            user_id: key.created_by.clone(),
            expires_at: key.expires_at,
        }
    }
}

/// A chatbot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatbotEvent {
    /// ID of the chatbot.
    pub chatbot_id: ChatbotId,
    /// Its name as published.
    pub name: String,
}

/// A crawl.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CrawlEvent {
    /// ID of the crawl.
    pub crawl_id: CrawlId,
    /// How it ended.
    pub status: CrawlStatus,
    /// Number of documents it has created.
    pub documents: u32,
}

/// An integration that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IntegrationErrorEvent {
    /// ID of the integration.
    pub integration_id: IntegrationId,
    /// Its type.
    pub integration_type: IntegrationType,
    /// Stable code of the reason.
    pub code: String,
    /// The reason, and what to do, as a sentence.
    pub detail: String,
}

/// A test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestEvent {
    /// ID of the webhook that is tested.
    pub webhook_id: WebhookId,
}
