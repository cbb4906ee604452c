//! Chatbots in Slack: installation, events, and answers in threads.

mod answer;
mod assistant;
mod command;
pub(crate) mod config;
mod credentials;
mod events;
mod files;
mod installation;
mod lookup;
mod removal;
mod reply;
mod words;

use std::{collections::HashMap, time::Duration};

use domain::{Error, Integration, Result, Secret, SlackMessage, SlackReply, Timestamp, UpstreamKind};
use futures::future::BoxFuture;
use store::SlackClaim;

pub use events::{SignedSlackRequest, SlackResponse};
pub use installation::CompletedInstallation;

use crate::{App, Delivery, platform::stored_secrets::SecretPlace};

/// Name of the secret with what belongs to the platform's app: one, because each costs $0.40 a month.
const SLACK_APP: &str = "SLACK_APP";
/// Field of the bot's token, which its ciphertext is bound to.
const BOT_TOKEN: &str = "integration.bot_token";
/// Field of the signing secret of an organization's own app.
const SIGNING_SECRET: &str = "integration.signing_secret";

/// An integration that can call Slack.
pub(crate) struct Connected<'a> {
    app: &'a App,
    integration: &'a Integration,
    token: Secret,
    /// ID of the app's bot in the workspace.
    bot_user: String,
    team: String,
}

impl App {
    /// Processes a message of the queue `answer_slack`.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again.
    pub fn answer_slack<'a>(&'a self, message: &'a SlackMessage, delivery: &'a Delivery) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let found = self
                .store
                .integrations(&message.org_id)
                .get(&message.integration_id)
                .await?;
            match found {
                Some(read) => self.slack_event(&read.integration, &message.event, delivery).await,
                // Deleted in the meantime.
                None => Ok(()),
            }
        })
    }

    /// Returns a secret of the platform's app, or `None` if it is not set.
    async fn slack_app_secret(&self, name: &str) -> Result<Option<Secret>> {
        let Some(parts) = self.secret(SLACK_APP).await? else {
            return Ok(None);
        };
        // The parse error may quote part of the secret and is not reported.
        let parts: HashMap<String, Secret> = serde_json::from_str(parts.expose())
            .map_err(|_| Error::unavailable(format!("the secret {SLACK_APP} is not a JSON object of strings")))?;
        let secret = parts.into_iter().find(|(part, _)| part == name);
        Ok(secret
            .map(|(_, secret)| secret)
            .filter(|secret| !secret.expose().trim().is_empty()))
    }

    /// Returns the integration with its token; `None` if it is not installed.
    async fn connected<'a>(&'a self, integration: &'a Integration) -> Result<Option<Connected<'a>>> {
        let (Some(connection), Some(token)) = (&integration.connection, &integration.bot_token) else {
            return Ok(None);
        };
        Ok(Some(Connected {
            app: self,
            integration,
            token: self.decrypt_secret(place(integration, BOT_TOKEN), token).await?,
            bot_user: connection.bot_user_id.clone(),
            team: connection.team_id.clone(),
        }))
    }
}

/// Returns how far a reply has come, if this delivery holds it.
///
/// # Errors
/// Returns [`Error::InProgress`] while another delivery does.
fn held(claim: SlackClaim, now: Timestamp) -> Result<SlackReply> {
    match claim {
        SlackClaim::Held(reply) => Ok(reply),
        SlackClaim::Busy(until) => Err(Error::InProgress {
            detail: "another delivery replies to this message",
            retry_after: Duration::try_from(until.duration_since(now)).unwrap_or_default(),
        }),
    }
}

/// Returns where a secret of an integration is stored.
fn place<'a>(integration: &'a Integration, field: &'static str) -> SecretPlace<'a> {
    SecretPlace {
        tenant: &integration.org,
        field,
        id: integration.id.as_str(),
    }
}

/// Returns a failure of Slack as an error of a request.
fn failure(error: &slack::Error) -> Error {
    match error {
        slack::Error::Refused { code, .. } => Error::Unusable {
            code: "slack_refused",
            pointer: "/bot_token",
            detail: format!("Slack refused this token ({code}). Copy the Bot User OAuth Token of your app again."),
        },
        slack::Error::RateLimited { retry_after, .. } => Error::Upstream {
            kind: UpstreamKind::Unavailable,
            code: "slack_unavailable",
            detail: "Slack allows no further requests at the moment. Try again in a minute.".to_owned(),
            retry_after: Some(*retry_after),
        },
        slack::Error::Unavailable { .. } => Error::Upstream {
            kind: UpstreamKind::Unavailable,
            code: "slack_unavailable",
            detail: "Slack does not respond at the moment. Try again in a minute.".to_owned(),
            retry_after: None,
        },
    }
}
