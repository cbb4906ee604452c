//! Worker: removes what was deleted, wherever it is.

use app::{App, BoxFuture, Delivery};
use model::{Purge, Result};
use runtime::Job;

/// Consumes the queue `purge`.
#[derive(Debug)]
pub struct Erase;

impl Job for Erase {
    const QUEUE: &'static str = "purge";
    type Message = Purge;

    fn run(app: App, purge: Purge, _: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.purge(&purge).await })
    }
}
