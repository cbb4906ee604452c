//! Entities, rules and value types of Parlance: no HTTP, no AWS, no async runtime.
//!
//! **Invariant:** nothing here reads the time, generates random numbers or knows a vendor. The clock, IDs and
//! randomness are injected ([`Clock`], [`Ids`]), so every rule can be tested as a plain function.

pub mod audit;
pub mod auth;
pub mod billing;
pub mod chatbot;
pub mod chats;
pub mod data_sources;
pub mod documents;
pub mod error;
pub mod id;
pub mod integrations;
pub mod json;
pub mod mail;
pub mod orgs;
pub mod page;
pub mod prompt;
pub mod purge;
pub mod queue;
pub mod rate_limit;
pub mod secret;
pub mod time;
pub mod usage;
pub mod users;
pub mod webhooks;

pub use audit::{Actor, AuditEntry};
pub use auth::api_key::{ApiKey, KeyState};
pub use auth::api_key_token::KeyMode;
pub use auth::credential_epochs::{AddressChanges, CredentialEpochs, KeptKeys};
pub use auth::network::Network;
pub use auth::password::NewPassword;
pub use auth::permission::{Grant, Permission};
pub use auth::session::Session;
pub use billing::message::{BillingEvent, BillingMessage, BusEvent, InvoiceNotice};
pub use billing::offer::Feature;
pub use billing::overage::{DrawnPack, Overage, OverageTerms, PackTotals};
pub use billing::subscription::{BillingAccount, Subscription, SubscriptionStatus};
pub use billing::white_label::WhiteLabel;
pub use chatbot::{AnswerMode, Chatbot, ChatbotSettings, FixedAnswer, PublishedChatbot};
pub use chats::conversation::{Citation, Conversation, ConversationChannel, Usage};
pub use chats::turn::{Answer, AnswerStatus, Feedback, Rating, Turn};
pub use chats::unanswered::UnansweredQuestion;
pub use data_sources::data_source::{
    DataFile, DataSource, DataSourceKind, DataSourceStatus, DatabaseConnection, ImportDataSourceMessage, ImportFailure,
    SourceFile, TlsMode,
};
pub use data_sources::query::{AnswerQuery, Clarification, QueryChoice, QueryFailure, QueryRecord, QueryStatus};
pub use data_sources::table_notes::{ColumnNotes, TableNotes};
pub use documents::crawl::{Crawl, CrawlEnd, CrawlOptions, CrawlStatus};
pub use documents::document::{Document, DocumentKind, DocumentStatus, IndexFailure};
pub use documents::embedding::EmbedPassagesMessage;
pub use documents::outbox::OutboxEntry;
pub use documents::pending_upload::PendingUpload;
pub use documents::refresh::{DueFetch, FetchMessage, FetchTarget, RefreshInterval};
pub use documents::version::DocumentVersion;
pub use documents::web_source::WebSource;
pub use error::{Error, FieldError, Result, UpstreamKind};
pub use id::{
    ApiKeyId, AuditEntryId, ChatbotId, ConversationId, CrawlId, DataSourceId, DocumentId, ExportId, GenerationId, Ids,
    IntegrationId, InvitationId, MailId, MessageId, OrgId, PromptId, QueryId, SessionId, TurnId, UserId,
    WebhookDeliveryId, WebhookEventId, WebhookId,
};
pub use integrations::slack::{
    SlackConfig, SlackConnection, SlackEvent, SlackMessage, SlackQuestion, SlackReply, SlackThread,
};
pub use integrations::website::WebsiteConfig;
pub use integrations::{Integration, IntegrationProblem, IntegrationStatus, IntegrationType};
pub use json::JsonObject;
pub use mail::{BillingNotice, Mail, MailBranding, MailMessage};
pub use orgs::entitlements::{EntitlementOverrides, Entitlements};
pub use orgs::invitation::Invitation;
pub use orgs::org::{Membership, Org, OrgChange, OrgRole, Plan};
pub use orgs::plan::{PlanLimit, PlanResource};
pub use page::{Page, PageRequest};
pub use prompt::{PromptVersion, SystemPrompt, UserPrompt};
pub use purge::Purge;
pub use queue::{Message, Queue};
pub use secret::{EncryptedSecret, Secret};
pub use time::{Clock, Timestamp};
pub use usage::generation::Category;
pub use usage::limit::{LimitReached, RateLimitStatus, TokenLimit, TokenScope};
pub use usage::quota::{Day, Quota};
pub use usage::statistics::{GroupBy, Period, Statistics, Times};
pub use usage::{AnswerCounters, Histogram, KeyTally, UsageCounters, UsageDay, UsageLine};
pub use users::account::{ClerkName, PendingEmail, PlatformRole, User, UserStatus};
pub use users::email::Email;
pub use users::export::{Export, ExportMessage, ExportStatus};
pub use users::settings::Settings;
pub use webhooks::delivery::{Attempt, DeliveryStatus, WebhookDelivery};
pub use webhooks::endpoint::{DisabledReason, Webhook, WebhookStatus};
pub use webhooks::event::{EventData, EventType, WantedEvents, WebhookEvent};
pub use webhooks::message::{DeliverWebhooksMessage, DueDelivery};
