//! Persistence: `DynamoDB` tables, the S3 bucket and the SQS queues, one file per feature.
//!
//! **Invariants:** no Scan anywhere; a key string is built in [`keys`] and nowhere else; the partition key comes
//! from the caller's identity, so another tenant's thing cannot be addressed at all; a conditional write answers
//! "did I win?" as a value, never as an error, also when its first answer was lost (`item.rs`); time limits are checked on read and never left to TTL.

mod accounts;
mod admin;
mod api_keys;
mod audit;
mod audit_log;
mod backoff;
mod batch;
mod cancels;
mod chatbots;
mod clerk;
mod conversations;
mod credentials;
mod documents;
mod exports;
mod idempotency;
mod invitations;
mod item;
pub mod keys;
mod ledger;
mod logins;
mod mails;
mod objects;
mod operations;
mod orgs;
mod outbox;
mod owner_lookup;
mod packed;
mod paginate;
mod partitions;
mod pending_uploads;
mod prompts;
mod purges;
mod queues;
mod quotas;
mod rate_limits;
mod resource_counts;
mod retry;
mod revocation;
mod sessions;
mod settings;
pub mod tables;
mod transaction;
mod turns;
mod users;

pub use accounts::{Accounts, Registered, SignIn};
pub use admin::{AccountAdminChange, UserFilter, Users};
pub use api_keys::{ApiKeys, KeyHolder, KeyInUse, Made};
pub use audit_log::{AuditFilter, AuditLog, ChainFault, Verified};
pub use cancels::Cancels;
pub use chatbots::{ChatbotChange, Chatbots};
pub use clerk::{Applied, Clerk, ClerkLink, ClerkSession, Completed, Completion, EventMarker, Linked, PersonChange};
pub use conversations::{ConversationChange, Conversations};
pub use credentials::{AddressRestore, PasswordChange, PasswordReset, Verification};
pub use documents::{Attempts, Documents, Lease, Outcome, UploadAccepted};
pub use exports::Exports;
pub use idempotency::{Begun, Idempotency, IdempotencyKey, StoredAnswer};
pub use invitations::{Accepted, Invitations};
pub use ledger::{
    Alert, Changed, DayImage, IsKnownModel, Ledger, OpenDay, Owner, QuotaSubjects, RequestRateLimit, Reservation,
    ReservationTerms, Reserve, RolledUp, RunningDays, TokenEstimate, UsageReader, UsageRecord,
};
pub use logins::{LoginStanding, Logins};
pub use mails::{Claimed, Mails, PromisedMail};
pub use objects::{MultipartUpload, Objects, PresignedPut};
pub use operations::{Failure, FailureFilter, Operations, ScheduleRun};
pub use orgs::{OrgFound, OrgWrite, Orgs, UserMembership};
pub use outbox::Outbox;
pub use partitions::{Partition, Portion, TableName};
pub use pending_uploads::{PendingUploads, UploadSweeps};
pub use prompts::{SystemPrompts, UserPrompts};
pub use purges::Purges;
pub use queues::{Queue, QueueDepth, QueueUrls, Queues};
pub use quotas::{QuotaChange, QuotaRead, Quotas};
pub use rate_limits::RateLimits;
pub use revocation::{Revocation, Revoked, RevokedBy};
pub use sessions::Sessions;
pub use settings::SettingsChange;
pub use tables::Tables;
pub use turns::{Begun as TurnBegun, Saved};
pub use users::{AccountChange, AddressChange, Ended, Memberships, UserWrite};

use aws_sdk_dynamodb::Client;

/// The tables. A clone shares the connection pool.
#[derive(Debug, Clone)]
pub struct Store {
    db: Client,
    tables: std::sync::Arc<Tables>,
}

impl Store {
    /// The tables named `tables`, reached with `config`.
    pub fn new(config: &aws_types::SdkConfig, tables: Tables) -> Self {
        Self {
            db: retry::client(config),
            tables: std::sync::Arc::new(tables),
        }
    }

    /// The names of the tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Whether the table called `name` answers.
    pub async fn is_reachable(&self, name: &str) -> bool {
        item::Table { db: &self.db, name }
            .get_raw(keys::probe(), false)
            .await
            .is_ok()
    }

    pub(crate) fn identity(&self) -> item::Table<'_> {
        item::Table {
            db: &self.db,
            name: &self.tables.identity,
        }
    }

    pub(crate) fn app(&self) -> item::Table<'_> {
        item::Table {
            db: &self.db,
            name: &self.tables.app,
        }
    }

    pub(crate) fn usage(&self) -> item::Table<'_> {
        item::Table {
            db: &self.db,
            name: &self.tables.usage,
        }
    }

    pub(crate) fn audit(&self) -> item::Table<'_> {
        item::Table {
            db: &self.db,
            name: &self.tables.audit,
        }
    }

    pub(crate) fn ephemeral(&self) -> item::Table<'_> {
        item::Table {
            db: &self.db,
            name: &self.tables.ephemeral,
        }
    }
}
