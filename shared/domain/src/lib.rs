//! Entities, rules and value types of Parlance: no HTTP, no AWS, no async runtime.
//!
//! **Invariant:** nothing here reads the time, draws a random number or knows a vendor. The clock, ids and
//! randomness come in from outside ([`Clock`], [`Ids`]), so every rule can be tested as a plain function.

pub mod account;
pub mod api_key;
pub mod audit;
pub mod chatbot;
pub mod conversation;
pub mod credential_epochs;
pub mod document;
pub mod email;
pub mod error;
pub mod export;
pub mod generation;
pub mod id;
pub mod invitation;
pub mod json;
pub mod limit;
pub mod mail;
pub mod network;
pub mod org;
pub mod outbox;
pub mod page;
pub mod password;
pub mod pending_upload;
pub mod permission;
pub mod plan;
pub mod prompt;
pub mod purge;
pub mod quota;
pub mod rate_limit;
pub mod secret;
pub mod session;
pub mod settings;
pub mod statistics;
pub mod time;
pub mod turn;
pub mod usage;

pub use account::{ClerkName, PendingEmail, PlatformRole, User, UserStatus};
pub use api_key::{ApiKey, KeyMode, KeyState};
pub use audit::{Actor, AuditEntry};
pub use chatbot::{Chatbot, ChatbotSettings};
pub use conversation::{Citation, Conversation, Usage};
pub use credential_epochs::{AddressChanges, CredentialEpochs, KeptKeys};
pub use document::{Document, DocumentKind, DocumentStatus, IndexFailure};
pub use email::Email;
pub use error::{Error, FieldError, Result, UpstreamKind};
pub use export::{Export, ExportMessage, ExportStatus};
pub use generation::Category;
pub use id::{
    ApiKeyId, AuditEntryId, ChatbotId, ConversationId, DocumentId, ExportId, GenerationId, Ids, InvitationId, MailId,
    MessageId, OrgId, PromptId, SessionId, TurnId, UserId,
};
pub use invitation::Invitation;
pub use json::JsonObject;
pub use limit::{LimitReached, Pace, TokenLimit, TokenScope};
pub use mail::{Mail, MailMessage};
pub use network::Network;
pub use org::{Membership, Org, OrgChange, OrgRole, Plan};
pub use outbox::OutboxEntry;
pub use page::{Page, PageRequest};
pub use password::NewPassword;
pub use pending_upload::PendingUpload;
pub use permission::{Grant, Permission};
pub use plan::{PlanLimit, PlanResource};
pub use prompt::{PromptVersion, SystemPrompt, UserPrompt};
pub use purge::Purge;
pub use quota::{Day, Quota};
pub use secret::Secret;
pub use session::Session;
pub use settings::Settings;
pub use statistics::{GroupBy, Period, Statistics, Times};
pub use time::{Clock, Timestamp};
pub use turn::{Answer, AnswerStatus, Feedback, Rating, Turn};
pub use usage::{Histogram, KeyTally, UsageCounters, UsageDay, UsageLine};
