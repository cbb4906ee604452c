//! Events of Clerk about its users, signed by Svix.

use app::SignedEvent;
use http_api::{Api, Ctx, Message, Result, SignedBody};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Webhooks")
        .post(
            "/api/v1/webhooks/clerk",
            receive_clerk_event,
            "Receive an event of Clerk. Its signature (Svix) is verified first; a repeated event changes \
             nothing.",
        )
        .non_idempotent()
}

async fn receive_clerk_event(app: Ctx, body: SignedBody) -> Result<Message> {
    let event = SignedEvent {
        id: body.header("svix-id")?,
        timestamp: body.header("svix-timestamp")?,
        signature: body.header("svix-signature")?,
        body: &body.bytes,
    };
    app.clerk_event(event, &body.request_id).await?;
    Ok(Message("Event received"))
}
