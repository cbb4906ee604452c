//! Entities, rules and value types of Parlance: no HTTP, no AWS, no async runtime.
//!
//! **Invariant:** nothing here reads the time, draws a random number or knows a vendor. The clock, ids and
//! randomness come in from outside ([`Clock`], [`Ids`]), so every rule can be tested as a plain function.

pub mod account;
pub mod audit;
pub mod chatbot;
pub mod conversation;
pub mod document;
pub mod email;
pub mod error;
pub mod id;
pub mod org;
pub mod outbox;
pub mod page;
pub mod password;
pub mod permission;
pub mod purge;
pub mod secret;
pub mod session;
pub mod time;

pub use account::{PlatformRole, User, UserStatus};
pub use audit::{Actor, AuditEntry};
pub use chatbot::{Chatbot, ChatbotSettings};
pub use conversation::{Citation, Conversation, Turn, TurnStatus, Usage};
pub use document::{Document, DocumentKind, DocumentStatus, IndexFailure};
pub use email::Email;
pub use error::{Error, FieldError, Result, UpstreamKind};
pub use id::{ApiKeyId, AuditEntryId, ChatbotId, ConversationId, DocumentId, Ids, OrgId, SessionId, TurnId, UserId};
pub use org::{Membership, Org, OrgRole, Plan};
pub use outbox::OutboxEntry;
pub use page::{Page, PageRequest};
pub use password::NewPassword;
pub use permission::{Grant, Permission};
pub use purge::Purge;
pub use secret::Secret;
pub use session::Session;
pub use time::{Clock, Timestamp};
