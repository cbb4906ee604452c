//! Every worker and schedule, with the deliveries that queues really make.

mod delete_document;
mod embed_passages;
mod embedding_models;
pub(crate) mod erasure;
pub(crate) mod export_user;
mod hostile_files;
mod import_data_source;
mod index_documents;
mod index_runs;
mod purge;
mod purge_queue;
mod relay_outbox;
mod reset_quotas;
pub(crate) mod roll_up_usage;
mod send_mail;
mod sql_engine;
mod transcription;
