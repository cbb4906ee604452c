//! Requests of Slack: verified and queued, so that Slack has its response in milliseconds. What follows from one is the
//! work of `answer_slack`.

use app::{SignedSlackRequest, SlackResponse};
use http_api::{Api, Ctx, Json, Query, Result, SignedBody};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Webhooks")
        .on_both_prefixes()
        .post(
            "/integrations/slack/events",
            receive_slack_event,
            "Receive an event of Slack. Its signature is verified first; a repeated event is answered once. The check of \
             a new address is answered with its challenge.",
        )
        .non_idempotent()
        .post(
            "/integrations/slack/interactivity",
            receive_slack_interaction,
            "Receive a click on a button of a message at Slack. Its signature is verified first.",
        )
        .non_idempotent()
        .post(
            "/integrations/slack/commands",
            receive_slack_command,
            "Receive a slash command of Slack. Its signature is verified first; the answer follows at its \
             `response_url`.",
        )
        .non_idempotent()
}

/// The integration that an address of an app of an organization's own names.
#[derive(Deserialize, JsonSchema)]
struct Named {
    /// Organization and integration, as in the addresses that the integration shows.
    integration: Option<String>,
}

/// A response to Slack.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SlackReceived")]
struct Received {
    /// The challenge, if the request contained one.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
}

/// What the person who entered a command sees at once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SlackCommandReceived")]
struct CommandReceived {
    /// `ephemeral`: nobody else sees it.
    response_type: &'static str,
    text: &'static str,
}

async fn receive_slack_event(app: Ctx, Query(named): Query<Named>, body: SignedBody) -> Result<Json<Received>> {
    let response = app.receive_slack_event(signed(&named, &body)?).await?;
    Ok(Json(response.into()))
}

async fn receive_slack_interaction(app: Ctx, Query(named): Query<Named>, body: SignedBody) -> Result<Json<Received>> {
    let response = app.receive_slack_interaction(signed(&named, &body)?).await?;
    Ok(Json(response.into()))
}

async fn receive_slack_command(
    app: Ctx,
    Query(named): Query<Named>,
    body: SignedBody,
) -> Result<Json<CommandReceived>> {
    let is_queued = app.receive_slack_command(signed(&named, &body)?).await? == SlackResponse::Queued;
    Ok(Json(CommandReceived {
        response_type: "ephemeral",
        text: if is_queued {
            "I am looking for the answer."
        } else {
            "This app is not set up here. Ask who installed it."
        },
    }))
}

fn signed<'a>(named: &'a Named, body: &'a SignedBody) -> Result<SignedSlackRequest<'a>> {
    Ok(SignedSlackRequest {
        timestamp: body.header("x-slack-request-timestamp")?,
        signature: body.header("x-slack-signature")?,
        body: &body.bytes,
        integration: named.integration.as_deref(),
    })
}

impl From<SlackResponse> for Received {
    fn from(response: SlackResponse) -> Self {
        Self {
            challenge: match response {
                SlackResponse::Received | SlackResponse::Queued => None,
                SlackResponse::Challenge(challenge) => Some(challenge),
            },
        }
    }
}
