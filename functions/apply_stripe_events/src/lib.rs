//! Worker: copies subscriptions from Stripe after an event, and tells Stripe of new customers and changed seats.

use app::{App, BoxFuture, Delivery};
use domain::{BillingMessage, Result};
use runtime::Job;

/// Consumes the queue `apply_stripe_events`.
#[derive(Debug)]
pub struct ApplyStripeEvents;

impl Job for ApplyStripeEvents {
    type Message = BillingMessage;

    fn run(app: App, message: BillingMessage, _: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.apply_stripe_events(&message).await })
    }
}
