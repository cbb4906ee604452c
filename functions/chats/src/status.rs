//! Whether messages can be answered.

use app::BillingContext;
use domain::auth::permission::ReadChats;
use http_api::{Ctx, Json, May, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The status of the chat.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChatStatus {
    /// `ok`, or `degraded` if a component does not respond.
    status: &'static str,
    components: Vec<Component>,
    /// The available models, by the names to use in requests.
    models: Vec<String>,
}

/// A component of the chat.
#[derive(Serialize, JsonSchema)]
struct Component {
    /// Its name: `conversations`, `documents` or `models`.
    name: &'static str,
    /// `ok` or `unavailable`.
    status: &'static str,
}

pub(crate) async fn get_chat_status(app: Ctx, member: May<ReadChats>) -> Result<Json<ChatStatus>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let (health, models) = (app.chat_health().await, app.models(&billing).await);
    let models = models.map(|models| models.into_iter().map(|model| model.id).collect::<Vec<_>>());
    let component = |name, ok| Component {
        name,
        status: if ok { "ok" } else { "unavailable" },
    };
    let models_ok = models.as_ref().is_ok_and(|models| !models.is_empty());
    let ok = health.conversations && health.documents && models_ok;
    Ok(Json(ChatStatus {
        status: if ok { "ok" } else { "degraded" },
        components: vec![
            component("conversations", health.conversations),
            component("documents", health.documents),
            component("models", models_ok),
        ],
        models: models.unwrap_or_default(),
    }))
}
