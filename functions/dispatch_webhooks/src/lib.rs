//! Stream: queues the events that are promised to webhooks.

use app::{App, BoxFuture, Changed, Unfinished};
use runtime::Follower;

/// Consumes the stream of the table that holds the promises.
#[derive(Debug)]
pub struct DispatchWebhooks;

impl Follower for DispatchWebhooks {
    const NAME: &'static str = "dispatch_webhooks";

    fn run(app: App, changes: Vec<Changed>) -> BoxFuture<'static, Result<(), Unfinished>> {
        Box::pin(async move { app.dispatch_webhooks(&changes).await })
    }
}
