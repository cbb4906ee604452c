//! Worker: fetches pages of the web, step by step for crawls and when documents are due.

use app::{App, BoxFuture, Delivery};
use domain::{FetchMessage, Result};
use runtime::Job;

/// Consumes the queue `fetch_pages`.
#[derive(Debug)]
pub struct FetchPages;

impl Job for FetchPages {
    type Message = FetchMessage;

    fn run(app: App, message: FetchMessage, delivery: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.fetch_pages(&message, &delivery).await })
    }
}
