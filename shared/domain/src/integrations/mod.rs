//! Integrations: where else a chatbot answers, in a workspace of Slack or on a web site.

pub mod slack;
pub mod visitor;
pub mod website;

use serde::{Deserialize, Serialize};

use crate::{ChatbotId, EncryptedSecret, Error, IntegrationId, OrgId, Result, Timestamp, UserId};
use slack::{SlackConfig, SlackConnection};
use website::WebsiteConfig;

/// Where a chatbot answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IntegrationType {
    /// In a workspace of Slack.
    Slack,
    /// On web sites, through the widget.
    Website,
}

impl IntegrationType {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Website => "website",
        }
    }
}

/// The state of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IntegrationStatus {
    /// It answers.
    Active,
    /// A user paused it.
    Paused,
    /// It cannot answer; `problem` says why.
    Error,
    /// It has no credentials: they were never set, or ended at the other side.
    Disconnected,
}

/// Why an integration does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IntegrationProblem {
    /// A stable `snake_case` word.
    pub code: String,
    /// A sentence that says what to do.
    pub detail: String,
    /// When it occurred.
    pub at: Timestamp,
}

/// An integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Integration {
    /// Its ID.
    pub id: IntegrationId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who created it. They are charged for what it answers.
    pub created_by: UserId,
    /// Where it answers.
    #[serde(rename = "type")]
    pub kind: IntegrationType,
    /// Display name.
    pub name: String,
    /// The chatbot that answers.
    pub chatbot_id: Option<ChatbotId>,
    /// Its state.
    pub status: IntegrationStatus,
    /// Why it does not answer.
    #[serde(default)]
    pub problem: Option<IntegrationProblem>,
    /// Settings of the type `slack`.
    #[serde(default)]
    pub slack: SlackConfig,
    /// Settings of the type `website`.
    #[serde(default)]
    pub website: WebsiteConfig,
    /// The workspace it is installed in.
    #[serde(default)]
    pub connection: Option<SlackConnection>,
    /// Token of the app's bot in that workspace.
    #[serde(default)]
    pub bot_token: Option<EncryptedSecret>,
    /// Signing secret of an app of the organization's own; `None` for the platform's app.
    #[serde(default)]
    pub signing_secret: Option<EncryptedSecret>,
    /// Secret with which a web site signs who its visitors are.
    #[serde(default)]
    pub identity_secret: Option<EncryptedSecret>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Integration {
    /// Maximum number of integrations of an organization.
    pub const MAX: usize = 50;
    /// Maximum name length, in characters.
    pub const MAX_NAME: usize = 100;

    /// Returns whether it has what it needs to answer.
    pub fn is_connected(&self) -> bool {
        match self.kind {
            IntegrationType::Slack => self.connection.is_some() && self.bot_token.is_some(),
            IntegrationType::Website => true,
        }
    }

    /// Returns the state that a user asks for.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/status` for a state that only follows from events, and [`Error::Conflict`]
    /// `not_connected` for `active` without credentials.
    pub fn requested_status(&self, status: IntegrationStatus) -> Result<IntegrationStatus> {
        match status {
            IntegrationStatus::Active if !self.is_connected() => Err(Error::conflict(
                "not_connected",
                "This integration has no credentials. Connect it to Slack first.",
            )),
            IntegrationStatus::Active | IntegrationStatus::Paused => Ok(status),
            // A client may send back what it read.
            _ if status == self.status => Ok(status),
            IntegrationStatus::Error | IntegrationStatus::Disconnected => {
                Err(Error::invalid("/status", "must be active or paused"))
            }
        }
    }

    /// Returns the chatbot that answers in a channel of Slack.
    pub fn chatbot_of_channel(&self, channel: &str) -> Option<&ChatbotId> {
        self.slack.channels.get(channel).or(self.chatbot_id.as_ref())
    }
}

/// A text that is shown about an integration's origin or channel, with its pointer.
pub(crate) fn too_many(pointer: &str, most: usize, what: &str) -> Error {
    Error::invalid(pointer, format!("must contain at most {most} {what}"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
