//! Worker: parses uploaded documents and makes them searchable.

use app::{App, BoxFuture, Delivery};
use domain::{Result, documents::outbox::IndexMessage};
use runtime::Job;

/// Consumes the queue `index_documents`.
#[derive(Debug)]
pub struct IndexDocuments;

impl Job for IndexDocuments {
    type Message = IndexMessage;

    fn run(app: App, message: IndexMessage, delivery: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.index_document(&message, &delivery).await })
    }
}
