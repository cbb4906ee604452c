//! Worker: removes the data of deleted items, which are already invisible.

use app::{App, BoxFuture, Delivery};
use domain::{Purge, Result};
use runtime::Job;

/// Consumes the queue `purge`.
#[derive(Debug)]
pub struct PurgeDeleted;

impl Job for PurgeDeleted {
    type Message = Purge;

    fn run(app: App, message: Purge, _: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.purge(&message).await })
    }
}
