//! Credentials of an app of the organization's own, pasted by a member and checked at Slack.

use domain::{
    Actor, Error, Integration, IntegrationId, IntegrationStatus, IntegrationType, Membership, Result, Secret,
    SlackConnection,
};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::{BOT_TOKEN, SIGNING_SECRET, failure, place};
use crate::{App, integrations::NOT_YOURS};

/// Longest secret that is accepted, in bytes.
const MAX_SECRET: usize = 512;

/// The response of `auth.test`.
#[derive(Deserialize)]
pub(super) struct Authorized {
    team_id: String,
    #[serde(default)]
    team: String,
    user_id: String,
    bot_id: Option<String>,
    app_id: Option<String>,
    #[serde(default)]
    is_enterprise_install: bool,
}

impl App {
    /// Sets the credentials of an app of the organization's own: its bot token, which is checked at Slack, its signing
    /// secret, or both.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`, [`Error::Invalid`], [`Error::Unusable`]
    /// `slack_refused`, [`Error::Conflict`] `workspace_taken`, and [`Error::Upstream`] `slack_unavailable`.
    pub fn set_slack_credentials<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a IntegrationId,
        bot_token: Option<Secret>,
        signing_secret: Option<Secret>,
    ) -> BoxFuture<'a, Result<Integration>> {
        Box::pin(async move {
            let integration = self.slack_integration(member, id).await?;
            if bot_token.is_none() && signing_secret.is_none() {
                return Err(Error::invalid("/bot_token", "must be given, or signing_secret"));
            }
            let mut signing = None;
            if let Some(secret) = &signing_secret {
                let is_secret = |text: &str| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if secret.expose().len() > MAX_SECRET || !is_secret(secret.expose()) {
                    let detail = "must be the Signing Secret of your app (Basic Information at api.slack.com)";
                    return Err(Error::invalid("/signing_secret", detail));
                }
                signing = Some(self.encrypt_secret(place(&integration, SIGNING_SECRET), secret).await?);
            }
            let mut connected = None;
            if let Some(token) = &bot_token {
                if !token.expose().starts_with("xoxb-") || token.expose().len() > MAX_SECRET {
                    let detail = "must be the Bot User OAuth Token of your app, which begins with xoxb-";
                    return Err(Error::invalid("/bot_token", detail));
                }
                let checked = self.authorized(token).await?;
                let connection = self.connection(checked, false)?;
                let token = self.encrypt_secret(place(&integration, BOT_TOKEN), token).await?;
                connected = Some((connection, token));
            }
            let place = (&member.org, id);
            let action = (actor, "integration.credentials_set");
            self.change_integration(place, Some(member), action, |integration| {
                if let Some(secret) = &signing {
                    integration.signing_secret = Some(secret.clone());
                }
                if let Some((connection, token)) = &connected {
                    integration.connection = Some(connection.clone());
                    integration.bot_token = Some(token.clone());
                    integration.status = IntegrationStatus::Active;
                    integration.problem = None;
                }
                Ok(())
            })
            .await
        })
    }

    /// Returns an integration with Slack that the member may change.
    pub(super) async fn slack_integration(&self, member: &Membership, id: &IntegrationId) -> Result<Integration> {
        let integration = self.integration(&member.org, id).await?;
        if !member.may_change(&integration.created_by) {
            return Err(NOT_YOURS);
        }
        if integration.kind != IntegrationType::Slack {
            let detail = "This integration is not one with Slack.";
            return Err(Error::conflict("not_slack", detail));
        }
        Ok(integration)
    }

    /// Asks Slack whose token this is.
    pub(super) async fn authorized(&self, token: &Secret) -> Result<Authorized> {
        let found = self.slack.call(token.expose(), "auth.test", &json!({}), true).await;
        found.map_err(|error| failure(&error))
    }

    /// Returns the workspace that a token is for.
    pub(super) fn connection(&self, found: Authorized, by_oauth: bool) -> Result<SlackConnection> {
        if found.is_enterprise_install {
            let detail = "The app is installed for a whole Enterprise Grid. Install it in a single workspace.";
            return Err(Error::conflict("org_wide_installation", detail));
        }
        if found.bot_id.is_none() {
            let detail = "must be a token of a bot, not of a user";
            return Err(Error::invalid("/bot_token", detail));
        }
        Ok(SlackConnection {
            team_id: found.team_id,
            team_name: found.team.chars().take(Integration::MAX_NAME).collect(),
            bot_user_id: found.user_id,
            app_id: found.app_id,
            by_oauth,
            connected_at: self.clock.now(),
        })
    }
}
