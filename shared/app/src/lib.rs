//! Use cases: what crosses features or leaves the process. [`App`] owns the clients, the configuration and the
//! clock; the functions call it and know nothing of AWS.
//!
//! The futures that functions await are boxed: their bodies are compiled once here, not again in each of the
//! binaries.

mod abuse;
mod admin;
mod alerts;
mod answer;
mod api_keys;
mod archive;
mod audit;
mod audit_event;
mod batch_outcome;
mod cache;
mod clerk;
mod client_origin;
mod completions;
mod config;
mod conversations;
mod credentials;
mod data_inventory;
mod delivery;
mod documents;
mod email_templates;
mod encryption;
mod export_user;
mod generate;
mod guesses;
mod index_document;
mod invitations;
mod key_derivation;
mod key_ring;
mod mail;
mod members;
mod message_pages;
mod models;
mod new_account;
mod operations;
mod orgs;
mod pace;
mod passwords;
mod pending_uploads;
mod plan_limits;
mod prompts;
mod purge;
mod quotas;
mod readiness;
mod relay_outbox;
mod reset_quotas;
mod revocation;
mod roll_up_usage;
mod search;
mod secrets;
mod segments;
mod ses;
mod settings;
mod sign_in;
mod signing;
mod statistics;
mod tasks;
mod tokens;
mod upload;
mod users;

use std::{ops::Deref, sync::Arc};

pub use answer::{
    ANSWER_NOT_STREAMED, AnswerEvent, AnswerStream, Answered, GenerationOptions, LastSeen, Question, TurnAction,
};
pub use api_keys::{ApiKeyService, KeyChange, KeyFound, KeyWithSecret, NewKey};
pub use audit::{AuditRecord, ClientEntry};
pub use clerk::{ClerkPerson, SignedEvent};
pub use client_origin::Origin;
pub use completions::{Completion, CompletionEvent, CompletionRequest, CompletionStream, chatbot_model};
pub use config::{AnswerLimits, Bedrock, ClerkConfig, Config, ConfigError, Providers};
pub use conversations::NewConversation;
pub use credentials::NewCredentials;
pub use delivery::Delivery;
use domain::{Clock, ConversationId, Ids, OrgId, Result, UserId};
pub use encryption::{Cipher, EncryptionKeys, Undecryptable};
pub use export_user::ExportFound;
pub use futures::future::BoxFuture;
pub use generate::{BillingContext, Embedded, EmbeddingRequest, Generated, Generation, GenerationStream, Outcome};
pub use invitations::InvitedTo;
pub use key_ring::KeyRing;
pub use llm::{Mark, Message, ReasoningEffort, Role};
pub use mail::Mailer;
pub use members::SeatHolder;
pub use message_pages::ShownMessage;
pub use models::ModelView;
pub use new_account::SignUp;
pub use operations::{Failed, LogEntry, PlatformMetrics, Provider, SystemStatus};
pub use orgs::{NewOrg, OwnOrg};
pub use pending_uploads::{BegunUpload, CompletedUpload, NewUpload};
pub use prompts::PromptChange;
pub use readiness::{ChatHealth, Dependency, Readiness};
pub use roll_up_usage::Unfinished;
pub use search::Found;
pub use secrets::ACTIVATION_MS;
pub use settings::SettingsFound;
pub use sign_in::{Credential, Identity, KeyAbove, KeyGrant, SignedIn};
pub use statistics::{PlatformReport, UsageReport};
pub use store::{Alert, AuditFilter, Changed, Failure, FailureFilter, QueueDepth, RolledUp, ScheduleRun, UserFilter};
pub use store::{Begun, ChatbotChange, ConversationChange, IdempotencyKey, QuotaChange, SettingsChange, StoredAnswer};
use store::{Chatbots, Conversations, Documents, Objects, Queues, Store};
pub use tokens::{AccessLifetime, TokenPair};
pub use upload::Upload;
pub use users::{ChangedBy, UserChange};

/// Everything a request needs. A clone is cheap and shares all of it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What [`App`] shares.
pub struct Inner {
    /// The clock of everything.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// The configuration.
    pub config: Config,
    store: Store,
    objects: Objects,
    queues: Queues,
    mailer: Arc<dyn Mailer>,
    secrets: secrets::Secrets,
    signing_keys: secrets::Derived<tokens::SigningKeys>,
    encryption_keys: secrets::Derived<EncryptionKeys>,
    key_uses: api_keys::KeyUses,
    key_holders: api_keys::KeyHolders,
    hasher: passwords::Passwords,
    segments: segments::Segments,
    readings: index_document::Readings,
    reader: reading::Reader,
    models: models::Models,
    clerk: clerk::Verifier,
    caches: operations::Caches,
    tasks: tasks::Tasks,
    lives: answer::ActiveAnswers,
    denied: pace::RateLimitCache,
    told: alerts::SentAlerts,
    rolled_up: roll_up_usage::Noted,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// An app that reaches AWS with `sdk`. Nothing is called before it is needed, so a cold start stays short.
    pub fn new(sdk: &aws_types::SdkConfig, config: Config, clock: Clock) -> Result<Self> {
        let http = models::http_client()?;
        let ses = ses::Ses::new(sdk, http.clone(), &config.mail_from, clock.clone());
        Self::assemble(sdk, http, config, clock, Arc::new(ses))
    }

    /// The same, with mail going another way than Amazon SES.
    pub fn with_mailer(
        sdk: &aws_types::SdkConfig,
        config: Config,
        clock: Clock,
        mailer: Arc<dyn Mailer>,
    ) -> Result<Self> {
        Self::assemble(sdk, models::http_client()?, config, clock, mailer)
    }

    /// `http`: what reaches everything that is reached without an SDK.
    fn assemble(
        sdk: &aws_types::SdkConfig,
        http: reqwest::Client,
        config: Config,
        clock: Clock,
        mailer: Arc<dyn Mailer>,
    ) -> Result<Self> {
        let objects = Objects::new(sdk, &config.bucket);
        let models = models::Models::new(sdk, http.clone(), &config, &clock);
        Ok(Self(Arc::new(Inner {
            ids: Ids::new(clock.clone()),
            secrets: secrets::Secrets::new(sdk, &config.secrets_prefix, &clock),
            clock,
            store: Store::new(sdk, config.tables.clone()),
            segments: segments::Segments::new(objects.clone()),
            readings: index_document::Readings::default(),
            reader: reading::Reader::new(config.reading.clone()),
            objects,
            queues: Queues::new(sdk, config.queues.clone()),
            mailer,
            signing_keys: secrets::Derived::default(),
            encryption_keys: secrets::Derived::default(),
            key_uses: api_keys::KeyUses::default(),
            key_holders: api_keys::KeyHolders::default(),
            hasher: passwords::Passwords::new()?,
            models,
            clerk: clerk::Verifier::new(config.clerk.clone(), http),
            caches: operations::Caches::default(),
            tasks: tasks::Tasks::default(),
            lives: answer::ActiveAnswers::default(),
            denied: pace::RateLimitCache::default(),
            told: alerts::SentAlerts::default(),
            rolled_up: roll_up_usage::Noted::default(),
            config,
        })))
    }

    /// The documents of an organization the caller was proven to belong to.
    pub fn documents(&self, org: &OrgId) -> Documents {
        self.store.documents(org)
    }

    /// The chatbots of an organization the caller was proven to belong to.
    pub fn chatbots(&self, org: &OrgId) -> Chatbots {
        self.store.chatbots(org)
    }

    /// The conversations of one person inside one organization.
    pub fn conversations(&self, org: &OrgId, user: &UserId) -> Conversations {
        self.store.conversations(&self.objects, org, user)
    }

    /// The conversations among which this one is, whoever's they are: for callers that act for everybody.
    pub fn conversations_with<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<Option<Conversations>>> {
        Box::pin(async move {
            let owner = self.store.owner_of_conversation(id).await?;
            Ok(owner.map(|(org, user)| self.conversations(&org, &user)))
        })
    }

    /// What was used of models, by day.
    pub fn usage(&self) -> store::UsageReader {
        self.store.usage_reader()
    }

    /// Answers kept for repeated requests.
    pub fn idempotency(&self) -> store::Idempotency {
        self.store.idempotency(&self.clock)
    }
}
