//! Documents and uploads.

pub mod crawl;
pub mod document;
pub mod embedding;
pub mod outbox;
pub mod pending_upload;
pub mod refresh;
pub mod tags;
pub mod version;
pub mod web_source;
