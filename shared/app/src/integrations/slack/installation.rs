//! Installing the platform's app in a workspace, by OAuth 2.0
//! (<https://docs.slack.dev/authentication/installing-with-oauth>).
//!
//! The state is single-use, and bound to the credential that began the installation: whoever is led to approve an
//! installation that someone else began does not hand over their workspace.

use std::time::Duration;

use domain::{
    Actor, EncryptedSecret, Error, Integration, IntegrationId, IntegrationStatus, Membership, Result, Secret,
    SlackConnection, UpstreamKind, id::random_bytes, time::after,
};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::SlackInstallation;

use super::{BOT_TOKEN, failure, place};
use crate::{App, Credential, Identity};

/// What the platform's app identifies itself with.
const CLIENT_SECRET: &str = "SLACK_CLIENT_SECRET";
/// How long an installation may take.
const INSTALL: Duration = Duration::from_mins(10);
/// What the app may do in a workspace. The manifest in `functions/integrations` lists the same.
const SCOPES: &str = "app_mentions:read,assistant:write,channels:history,chat:write,commands,files:read,groups:history,\
                      im:history,mpim:history";

/// What Slack returned to the page that completes an installation.
#[derive(Debug, Clone)]
pub struct CompletedInstallation {
    /// The state of the address that the installation began with.
    pub state: String,
    /// The code that is exchanged for a token.
    pub code: Secret,
}

/// The response of `oauth.v2.access`.
#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    token_type: Option<String>,
    #[serde(default)]
    refresh_token: Option<Secret>,
}

/// Returns what identifies a credential, for states that are bound to it.
fn credential_of(identity: &Identity) -> String {
    let credential = match &identity.credential {
        Credential::Session(id) => format!("session {id}"),
        Credential::Clerk(id) => format!("clerk {id}"),
        Credential::Key(grant) => format!("key {}", grant.id),
    };
    hex::encode(Sha256::digest(format!("{} {credential}", identity.user.id)))
}

impl App {
    /// Begins an installation; returns the page of Slack on which a member of a workspace approves it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`, [`Error::Conflict`] `not_slack`, and
    /// [`Error::Upstream`] `slack_not_configured` without an app of the platform.
    pub fn begin_slack_installation<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        id: &'a IntegrationId,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let integration = self.slack_integration(member, id).await?;
            let (client_id, _) = self.slack_client().await?;
            let state = hex::encode(random_bytes::<32>()?);
            let installation = SlackInstallation {
                org: member.org.clone(),
                integration: integration.id,
                credential: credential_of(identity),
                until: after(self.clock.now(), INSTALL),
            };
            self.store
                .put_slack_installation(&digest(&state), &installation)
                .await?;
            let mut url = reqwest::Url::parse(self.slack.base_url()).map_err(Error::internal)?;
            url.set_path("/oauth/v2/authorize");
            url.query_pairs_mut()
                .append_pair("client_id", client_id)
                .append_pair("scope", SCOPES)
                .append_pair("redirect_uri", &self.slack_redirect_uri())
                .append_pair("state", &state);
            Ok(url.into())
        })
    }

    /// Completes an installation with what Slack returned.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/state` unless the caller began this installation within ten minutes, at `/code`
    /// if Slack refuses the code; further those of [`App::begin_slack_installation`] and [`Error::Conflict`]
    /// `workspace_taken`.
    pub fn complete_slack_installation<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a IntegrationId,
        completed: CompletedInstallation,
    ) -> BoxFuture<'a, Result<Integration>> {
        Box::pin(async move {
            let integration = self.slack_integration(member, id).await?;
            let (client_id, secret) = self.slack_client().await?;
            let begun = self.store.take_slack_installation(&digest(&completed.state)).await?;
            let is_own = |begun: &SlackInstallation| {
                begun.org == member.org
                    && begun.integration == *id
                    && begun.credential == credential_of(identity)
                    && begun.until > self.clock.now()
            };
            if !begun.as_ref().is_some_and(is_own) {
                let detail = "is unknown, used or expired. Begin the installation again";
                return Err(Error::invalid("/state", detail));
            }
            let redirect_uri = self.slack_redirect_uri();
            let form = [
                ("client_id", client_id),
                ("client_secret", secret.expose()),
                ("code", completed.code.expose()),
                ("redirect_uri", redirect_uri.as_str()),
            ];
            let granted: Granted = match self.slack.call_form(None, "oauth.v2.access", &form, false).await {
                Ok(granted) => granted,
                Err(slack::Error::Refused { code, .. }) => {
                    let detail = format!("was refused by Slack ({code}). Begin the installation again");
                    return Err(Error::invalid("/code", detail));
                }
                Err(error) => return Err(failure(&error)),
            };
            if granted.token_type.as_deref().is_some_and(|kind| kind != "bot") || granted.refresh_token.is_some() {
                let detail = "led to a token that is not supported: turn off token rotation in the app's settings";
                return Err(Error::invalid("/code", detail));
            }
            let connection = self.connection(self.authorized(&granted.access_token).await?, true)?;
            let token = self
                .encrypt_secret(place(&integration, BOT_TOKEN), &granted.access_token)
                .await?;
            self.connect((member, actor), id, connection, token).await
        })
    }

    async fn connect(
        &self,
        (member, actor): (&Membership, &Actor),
        id: &IntegrationId,
        connection: SlackConnection,
        token: EncryptedSecret,
    ) -> Result<Integration> {
        let place = (&member.org, id);
        self.change_integration(place, Some(member), (actor, "integration.installed"), |integration| {
            integration.connection = Some(connection.clone());
            integration.bot_token = Some(token.clone());
            // Events of the platform's app are signed with the platform's secret.
            integration.signing_secret = None;
            integration.status = IntegrationStatus::Active;
            integration.problem = None;
            Ok(())
        })
        .await
    }

    /// Returns the ID and the secret of the platform's app.
    async fn slack_client(&self) -> Result<(&str, Secret)> {
        let secret = self.slack_app_secret(CLIENT_SECRET).await?;
        match (&self.config.slack.client_id, secret) {
            (Some(id), Some(secret)) => Ok((id, secret)),
            _ => Err(Error::Upstream {
                kind: UpstreamKind::Unavailable,
                code: "slack_not_configured",
                detail: "This installation has no app at Slack. Create one of your own and set its credentials."
                    .to_owned(),
                retry_after: None,
            }),
        }
    }

    fn slack_redirect_uri(&self) -> String {
        format!("{}/integrations/slack/callback", self.config.public_url)
    }

    /// Ends the token that a deleted integration had of the platform's app. Best effort: nobody has it any more.
    pub(crate) async fn revoke_slack_token(&self, integration: &Integration) {
        if !integration
            .connection
            .as_ref()
            .is_some_and(|connection| connection.by_oauth)
        {
            return;
        }
        if let Ok(Some(connected)) = self.connected(integration).await {
            let token = connected.token.expose();
            let revoked: Result<serde_json::Value, _> = self.slack.call(token, "auth.revoke", &json!({}), true).await;
            if let Err(error) = revoked {
                tracing::warn!(%error, "slack.token_not_revoked");
            }
        }
    }
}

fn digest(state: &str) -> String {
    hex::encode(Sha256::digest(state))
}

#[cfg(test)]
mod tests {
    /// The manifest is what an operator pastes at Slack.
    #[test]
    fn the_manifest_asks_for_the_same_scopes() {
        let manifest = include_str!("../../../../../functions/integrations/slack_manifest.json");
        let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap_or_default();
        let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array();
        let scopes: Vec<&str> = scopes
            .into_iter()
            .flatten()
            .filter_map(|scope| scope.as_str())
            .collect();
        assert_eq!(scopes.join(","), super::SCOPES);
    }
}
