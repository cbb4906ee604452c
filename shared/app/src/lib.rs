//! Use cases: what crosses features or leaves the process. [`App`] owns the clients, the configuration and the
//! clock; the functions call it and know nothing of AWS.
//!
//! The futures that functions await are boxed: their bodies are compiled once here, not again in each of the
//! binaries.

mod answer;
mod config;
mod estate;
mod export;
mod index_document;
mod models;
mod passwords;
mod purge;
mod readiness;
mod relay_outbox;
mod secrets;
mod segments;
mod sign_in;
mod tokens;
mod upload;

use std::{ops::Deref, sync::Arc};

pub use answer::{AnswerEvent, AnswerStream, Question};
pub use config::{Config, ConfigError};
pub use futures::future::BoxFuture;
pub use index_document::Delivery;
use model::{Clock, Ids, OrgId, Result, UserId};
pub use readiness::{Dependency, Readiness};
pub use sign_in::{Credential, Identity, KeyGrant, SignUp, SignedIn};
pub use store::{Begun, ChatbotChange, IdempotencyKey, StoredAnswer};
use store::{Chatbots, Conversations, Documents, Objects, Queues, Store};
pub use tokens::TokenPair;
use tokio::sync::OnceCell;
pub use upload::Upload;

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
    secrets: secrets::Secrets,
    keys: OnceCell<tokens::Keys>,
    hasher: passwords::Passwords,
    segments: segments::Segments,
    models: models::Models,
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
        let objects = Objects::new(sdk, &config.bucket);
        Ok(Self(Arc::new(Inner {
            ids: Ids::new(clock.clone()),
            clock,
            store: Store::new(sdk, config.tables.clone()),
            segments: segments::Segments::new(objects.clone()),
            objects,
            queues: Queues::new(sdk, &config.queue_index_documents),
            secrets: secrets::Secrets::new(sdk, &config.secrets_prefix),
            keys: OnceCell::new(),
            hasher: passwords::Passwords::new()?,
            models: models::Models::new()?,
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
        self.store.conversations(org, user)
    }

    /// Answers kept for repeated requests.
    pub fn idempotency(&self) -> store::Idempotency {
        self.store.idempotency(&self.clock)
    }

    /// The key that seals cursors and kept answers.
    pub fn sealing_key(&self) -> BoxFuture<'_, Result<[u8; 32]>> {
        Box::pin(async { Ok(self.keys().await?.sealing()) })
    }
}
