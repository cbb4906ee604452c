//! Worker: makes the vectors by which passages are found by their meaning.

use app::{App, BoxFuture, Delivery};
use domain::{EmbedPassagesMessage, Result};
use runtime::Job;

/// Consumes the queue `embed_passages`.
#[derive(Debug)]
pub struct EmbedPassages;

impl Job for EmbedPassages {
    type Message = EmbedPassagesMessage;

    fn run(app: App, message: EmbedPassagesMessage, delivery: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.embed_passages(&message, &delivery).await })
    }
}
