//! Webhooks of Stripe: verified and queued. What follows from an event is the work of `apply_stripe_events`.

use app::SignedStripeEvent;
use http_api::{Api, Ctx, Message, Result, SignedBody};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Webhooks")
        .post(
            "/api/v1/billing/webhook/stripe",
            receive_stripe_event,
            "Receive an event of Stripe. Its signature is verified first; every type is accepted, and a repeated \
             event changes nothing.",
        )
        .non_idempotent()
}

async fn receive_stripe_event(app: Ctx, body: SignedBody) -> Result<Message> {
    let event = SignedStripeEvent {
        signature: body.header("stripe-signature")?,
        body: &body.bytes,
    };
    app.receive_stripe_event(event).await?;
    Ok(Message("Event received"))
}
