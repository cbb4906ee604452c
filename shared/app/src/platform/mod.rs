//! Shared foundations of all features: configuration, secrets, encryption, tasks, queues.

pub(crate) mod batch_outcome;
pub(crate) mod cache;
pub(crate) mod config;
pub(crate) mod delivery;
pub(crate) mod embedding_model;
pub(crate) mod encryption;
pub(crate) mod relay_outbox;
pub(crate) mod secrets;
pub(crate) mod stored_secrets;
pub(crate) mod tasks;
