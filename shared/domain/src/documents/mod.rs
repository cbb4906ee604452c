//! Documents and uploads.

pub mod document;
pub mod embedding;
pub mod outbox;
pub mod pending_upload;
pub mod tags;
pub mod version;
pub mod web_source;
