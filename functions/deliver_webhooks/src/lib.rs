//! Worker: delivers events to the webhooks of organizations.

use app::{App, BoxFuture, Delivery};
use domain::{DeliverWebhooksMessage, Result};
use runtime::Job;

/// Consumes the queue `deliver_webhooks`.
#[derive(Debug)]
pub struct DeliverWebhooks;

impl Job for DeliverWebhooks {
    type Message = DeliverWebhooksMessage;

    // A message mostly waits for a receiver.
    const IS_CONCURRENT: bool = true;

    fn run(app: App, message: DeliverWebhooksMessage, delivery: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.deliver_webhooks(&message, &delivery).await })
    }
}
