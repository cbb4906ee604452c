//! Use cases: what spans features or leaves the process. [`App`] owns the clients, the configuration and the clock; the
//! functions call it and know nothing of AWS.
//!
//! Futures that functions await are boxed, so that their bodies are compiled once here rather than in each binary.

mod admin;
mod ai;
mod api_keys;
mod audit;
mod auth;
mod billing;
mod chatbots;
mod chats;
mod data_sources;
mod documents;
mod integrations;
mod mail;
mod orgs;
mod platform;
mod prompts;
mod query;
mod rate_limit;
mod system;
mod usage;
mod users;
mod webhooks;

use std::{ops::Deref, sync::Arc};

pub use ai::completions::{Completion, CompletionEvent, CompletionRequest, CompletionStream, chatbot_model};
pub use ai::embedders::is_reranker;
pub use ai::generate::{BillingContext, Embedded, EmbeddingRequest, Generated, Generation, GenerationStream, Outcome};
pub use ai::models::ModelView;
pub use api_keys::{ApiKeyService, KeyChange, KeyFound, KeyWithSecret, NewKey};
pub use audit::{AuditRecord, ClientEntry};
pub use auth::clerk::{ClerkPerson, SignedEvent};
pub use auth::client_origin::Origin;
pub use auth::credentials::NewCredentials;
pub use auth::key_ring::KeyRing;
pub use auth::new_account::SignUp;
pub use auth::sign_in::{Credential, Identity, KeyAbove, KeyGrant, SignedIn};
pub use auth::tokens::{AccessLifetime, TokenPair};
pub use billing::checkout::{NewCheckout, PaymentPage};
pub use billing::config::BillingConfig;
pub use billing::entitlements::EntitlementsFound;
pub use billing::overage::OverageFound;
pub use billing::subscriptions::{InvoiceFound, PlanChange, PlanChangePreview, PreviewLine, SubscriptionFound};
pub use billing::webhook::SignedStripeEvent;
pub use chatbots::NewChatbot;
pub use chatbots::evaluation::{EvaluatedCase, EvaluationCase};
pub use chatbots::preview::Preview;
pub use chats::answer::{
    ANSWER_NOT_STREAMED, AnswerEvent, AnswerStream, Answered, FoundPassage, GenerationOptions, LastSeen, Question,
    TurnAction,
};
pub use chats::conversations::{ChatSessions, NewConversation};
pub use chats::message_pages::ShownMessage;
pub use chats::search::Found;
pub use chats::unanswered::AskedQuestion;
pub use data_sources::{DataSourceFound, NewConnectedSource, NewConnection, NewDataSource, SourceSchema};
pub use documents::content::{DocumentFile, DocumentPassage, DownloadLink};
pub use documents::crawls::{CrawlChange, NewCrawl};
pub use documents::embed_documents::RequestedVectors;
pub use documents::pending_uploads::{BegunUpload, CompletedUpload, NewUpload};
pub use documents::upload::Upload;
pub use documents::web_pages::NewWebPage;
use domain::{Clock, Ids, OrgId, Result, UserId};
pub use futures::future::BoxFuture;
pub use integrations::slack::config::SlackSettings;
pub use integrations::slack::{CompletedInstallation, SignedSlackRequest, SlackResponse};
pub use integrations::widget::{Contact, Handover, Visit, VisitorAnswer, Website, WidgetConfig, WidgetSession};
pub use integrations::{IntegrationChange, NewIntegration};
pub use llm::{Mark, Message, Provider, ReasoningEffort, Role, TextRole};
pub use mail::Mailer;
pub use orgs::members::SeatHolder;
pub use orgs::own_invitations::InvitedTo;
pub use orgs::{NewOrg, OwnOrg};
pub use platform::config::{AnswerLimits, Bedrock, ClerkConfig, Config, ConfigError, Providers};
pub use platform::delivery::Delivery;
pub use platform::embedding_model::EmbeddingModel;
pub use platform::encryption::{Cipher, EncryptionKeys, Undecryptable};
pub use platform::secrets::ACTIVATION_MS;
pub use prompts::PromptChange;
pub use query::{NewQuery, Query, QueryAnswer, SessionAnswer, ShownQuery, Validation};
pub use sql_engine::{Catalog, Column, ColumnType, ForeignKey, ResultColumn, ResultSet, Table};
pub use store::{Alert, AuditFilter, Changed, Failure, FailureFilter, QueueDepth, RolledUp, ScheduleRun, UserFilter};
pub use store::{
    Begun, ChannelFilter, ChatbotChange, ConversationChange, ConversationFilter, DataSourceChange, DeliveryFilter,
    DocumentChange, DocumentFilter, IdempotencyKey, QuotaChange, SettingsChange, StoredAnswer,
};
use store::{Conversations, Objects, Queues, Store};
pub use system::operations::{Failed, LogEntry, PlatformMetrics, ProviderStatus, SystemStatus};
pub use system::readiness::{ChatHealth, Dependency, Readiness};
pub use usage::roll_up_usage::Unfinished;
pub use usage::statistics::{PlatformReport, UsageReport};
pub use users::export_user::ExportFound;
pub use users::settings::SettingsFound;
pub use users::{ChangedBy, UserChange};
pub use webhooks::{DeliveryFound, NewWebhook, WebhookChange, WebhookFound, WebhookWithSecret};

/// Everything a request needs. Clones are cheap and share all of it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The shared state of [`App`].
pub struct Inner {
    /// The clock used everywhere.
    pub clock: Clock,
    /// Generates IDs.
    pub ids: Ids,
    /// The configuration.
    pub config: Config,
    store: Store,
    objects: Objects,
    queues: Queues,
    mailer: Arc<dyn Mailer>,
    secrets: platform::secrets::Secrets,
    signing_keys: platform::secrets::Derived<auth::tokens::SigningKeys>,
    encryption_keys: platform::secrets::Derived<EncryptionKeys>,
    key_uses: api_keys::KeyUses,
    key_holders: api_keys::KeyHolders,
    hasher: auth::passwords::Passwords,
    segments: documents::segments::Segments,
    manifests: documents::manifests::Manifests,
    readings: documents::index_document::Readings,
    reader: reading::Reader,
    engine: sql_engine::Engine,
    data_files: data_sources::files::DataFiles,
    sessions: data_sources::sessions::Sessions,
    fetcher: documents::web_pages::LazyFetcher,
    models: ai::models::Models,
    clerk: auth::clerk::Verifier,
    caches: system::operations::Caches,
    tasks: platform::tasks::Tasks,
    active_answers: chats::answer::ActiveAnswers,
    denied: rate_limit::model_requests::RateLimitCache,
    told: usage::alerts::SentAlerts,
    rolled_up: usage::roll_up_usage::Noted,
    stripe: stripe::Client,
    slack: slack::Client,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Creates an app that calls AWS through `sdk`. Nothing is called before it is needed, which keeps cold starts
    /// short.
    pub fn new(sdk: &aws_types::SdkConfig, config: Config, clock: Clock) -> Result<Self> {
        let http = ai::models::http_client()?;
        let ses = mail::ses::Ses::new(sdk, http.clone(), &config.mail_from, clock.clone());
        Self::assemble(sdk, http, config, clock, Arc::new(ses))
    }

    /// Creates an app that sends email through `mailer` instead of Amazon SES.
    pub fn with_mailer(
        sdk: &aws_types::SdkConfig,
        config: Config,
        clock: Clock,
        mailer: Arc<dyn Mailer>,
    ) -> Result<Self> {
        Self::assemble(sdk, ai::models::http_client()?, config, clock, mailer)
    }

    /// `http`: the client for everything that is called without an SDK.
    fn assemble(
        sdk: &aws_types::SdkConfig,
        http: reqwest::Client,
        config: Config,
        clock: Clock,
        mailer: Arc<dyn Mailer>,
    ) -> Result<Self> {
        let objects = Objects::new(sdk, &config.bucket, clock.clone());
        let models = ai::models::Models::new(sdk, http.clone(), &config, &clock);
        let stripe = stripe::Client::new(http.clone(), &config.billing.base_url, config.billing.retries);
        let slack = slack::Client::new(http.clone(), &config.slack.base_url, slack::TimeLimits::default());
        Ok(Self(Arc::new(Inner {
            ids: Ids::new(clock.clone()),
            secrets: platform::secrets::Secrets::new(sdk, &config.secrets_prefix, &clock),
            clock,
            store: Store::new(sdk, config.tables.clone()),
            segments: documents::segments::Segments::new(objects.clone()),
            manifests: documents::manifests::Manifests::default(),
            readings: documents::index_document::Readings::default(),
            reader: reading::Reader::new(config.reading.clone()),
            engine: sql_engine::Engine::new(config.sql.clone()),
            data_files: data_sources::files::DataFiles::default(),
            sessions: data_sources::sessions::Sessions::default(),
            fetcher: documents::web_pages::LazyFetcher::new(config.private_hosts.clone()),
            objects,
            queues: Queues::new(sdk, config.queues.clone()),
            mailer,
            signing_keys: platform::secrets::Derived::default(),
            encryption_keys: platform::secrets::Derived::default(),
            key_uses: api_keys::KeyUses::default(),
            key_holders: api_keys::KeyHolders::default(),
            hasher: auth::passwords::Passwords::new()?,
            models,
            clerk: auth::clerk::Verifier::new(config.clerk.clone(), http),
            caches: system::operations::Caches::default(),
            tasks: platform::tasks::Tasks::default(),
            active_answers: chats::answer::ActiveAnswers::default(),
            denied: rate_limit::model_requests::RateLimitCache::default(),
            told: usage::alerts::SentAlerts::default(),
            rolled_up: usage::roll_up_usage::Noted::default(),
            stripe,
            slack,
            config,
        })))
    }

    /// Returns the conversations of one user in one organization.
    pub(crate) fn conversations(&self, org: &OrgId, user: &UserId) -> Conversations {
        self.store.conversations(&self.objects, org, user)
    }

    /// Returns model usage by day.
    pub fn usage(&self) -> store::UsageReader {
        self.store.usage_reader()
    }

    /// Returns the stored responses for repeated requests.
    pub fn idempotency(&self) -> store::Idempotency {
        self.store.idempotency(&self.clock)
    }
}
