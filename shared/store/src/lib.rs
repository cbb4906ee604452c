//! Persistence: `DynamoDB` tables, the S3 bucket and the SQS queues, one module per feature.
//!
//! **Invariants:** no Scan anywhere; a key string is built in [`keys`] and nowhere else; the partition key comes from
//! the caller's identity, so a resource of another tenant cannot be addressed at all; a conditional write returns
//! "did I win?" as a value, never as an error, even if its first response was lost (`item.rs`); expiry is checked on
//! read and never left to TTL.

mod admin;
mod api_keys;
mod audit;
mod auth;
mod billing;
mod chatbots;
mod chats;
mod data_sources;
mod documents;
mod idempotency;
mod integrations;
pub mod keys;
mod mails;
mod operations;
mod orgs;
mod prompts;
mod queries;
mod queues;
mod rate_limits;
mod table;
pub mod tables;
mod usage;
mod users;
mod webhooks;

pub use admin::{AccountAdminChange, UserFilter, Users};
pub use api_keys::{ApiKeys, KeyCreated, KeyHolder, KeyInUse};
pub use audit::audit_log::{AuditFilter, AuditLog, ChainFault, Verified};
pub use auth::accounts::{Accounts, Registered, SignIn};
pub use auth::clerk::{
    Applied, Clerk, ClerkLink, ClerkSession, Completed, Completion, EventMarker, Linked, PersonChange,
};
pub use auth::credentials::{AddressRestore, PasswordChange, PasswordReset, Verification};
pub use auth::logins::{LoginStanding, Logins};
pub use auth::revocation::{Revocation, Revoked, RevokedBy};
pub use auth::sessions::Sessions;
pub use billing::operations::BillingOperation;
pub use billing::{Billing, BillingChange, BillingWrite};
pub use chatbots::{ChatbotChange, Chatbots};
pub use chats::cancels::Cancels;
pub use chats::conversations::{ChannelFilter, ConversationChange, ConversationFilter, Conversations};
pub use chats::turns::{Begun as TurnBegun, Saved};
pub use chats::unanswered::{FixedAnswered, UnansweredQuestions};
pub use data_sources::{CatalogOutcome, DataSourceChange, DataSources, ImportOutcome};
pub use documents::crawls::{CrawlEnded, CrawlLease, Crawls, NewPage, PageStored};
pub use documents::due_fetches::DueFetches;
pub use documents::objects::{MultipartUpload, Objects, PresignedPut};
pub use documents::outbox::Outbox;
pub use documents::pending_uploads::{PendingUploads, UploadSweeps};
pub use documents::{
    Attempts, Checked, DocumentChange, DocumentFilter, Documents, FileStored, Lease, NewVersion, Outcome,
    UploadAccepted, VersionAdded,
};
pub use idempotency::{Begun, Idempotency, IdempotencyKey, StoredAnswer};
pub use integrations::slack::{SlackClaim, SlackInstallation};
pub use integrations::{Integrations, ReadIntegration, SavedIntegration};
pub use mails::{Claimed, Mails, PromisedMail};
pub use operations::{Failure, FailureFilter, Operations, ScheduleRun};
pub use orgs::invitations::{Accepted, Invitations};
pub use orgs::{OrgFound, OrgWrite, Orgs, UserMembership};
pub use prompts::{SystemPrompts, UserPrompts};
pub use queries::Queries;
pub use queues::{QueueDepth, QueueUrls, Queues};
pub use rate_limits::RateLimits;
pub use table::backoff::OptimisticRetry;
pub use table::partitions::{Partition, Portion, TableName};
pub use tables::Tables;
pub use usage::ledger::{
    Alert, AnswerCount, Changed, DayImage, IsKnownModel, Ledger, OpenDay, Owner, PackPromise, QuotaSubjects,
    RequestRateLimit, Reservation, ReservationTerms, Reserve, RolledUp, RunningDays, TokenEstimate, UsageReader,
    UsageRecord,
};
pub use usage::quotas::{QuotaChange, QuotaRead, Quotas};
pub use users::exports::Exports;
pub use users::purges::Purges;
pub use users::settings::SettingsChange;
pub use users::{AccountChange, AddressChange, Ended, Memberships, UserWrite};
pub use webhooks::deliveries::{DeliveryFilter, DueDeliveries};
pub use webhooks::events::PromisedEvent;
pub use webhooks::lanes::{Entered, Health, Lane};
pub use webhooks::{WebhookWrite, Webhooks};

use aws_sdk_dynamodb::Client;

/// The tables. A clone shares the connection pool.
#[derive(Debug, Clone)]
pub struct Store {
    db: Client,
    tables: std::sync::Arc<Tables>,
}

impl Store {
    /// Creates a client of the tables named `tables`, reached with `config`.
    pub fn new(config: &aws_types::SdkConfig, tables: Tables) -> Self {
        Self {
            db: table::retry::client(config),
            tables: std::sync::Arc::new(tables),
        }
    }

    /// Returns the names of the tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Returns whether the table called `name` responds.
    pub async fn is_reachable(&self, name: &str) -> bool {
        table::item::Table { db: &self.db, name }
            .get_raw(keys::probe(), false)
            .await
            .is_ok()
    }

    pub(crate) fn identity(&self) -> table::item::Table<'_> {
        table::item::Table {
            db: &self.db,
            name: &self.tables.identity,
        }
    }

    pub(crate) fn app(&self) -> table::item::Table<'_> {
        table::item::Table {
            db: &self.db,
            name: &self.tables.app,
        }
    }

    pub(crate) fn usage(&self) -> table::item::Table<'_> {
        table::item::Table {
            db: &self.db,
            name: &self.tables.usage,
        }
    }

    pub(crate) fn audit(&self) -> table::item::Table<'_> {
        table::item::Table {
            db: &self.db,
            name: &self.tables.audit,
        }
    }

    pub(crate) fn ephemeral(&self) -> table::item::Table<'_> {
        table::item::Table {
            db: &self.db,
            name: &self.tables.ephemeral,
        }
    }
}
