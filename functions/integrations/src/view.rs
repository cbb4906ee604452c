//! Integrations as clients see them.

use domain::{
    Integration, IntegrationProblem, IntegrationStatus, IntegrationType, Timestamp,
    integrations::website::{WidgetPosition, WidgetTheme},
};
use schemars::JsonSchema;
use serde::Serialize;

/// An integration.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IntegrationView {
    id: String,
    #[serde(rename = "type")]
    kind: IntegrationType,
    name: String,
    /// The chatbot that answers.
    chatbot_id: Option<String>,
    /// `active`, `paused`, `error` (see `problem`) or `disconnected`.
    status: IntegrationStatus,
    /// Why it does not answer.
    problem: Option<IntegrationProblem>,
    config: ConfigView,
    /// The workspace of Slack; null if it is not installed in one.
    workspace: Option<WorkspaceView>,
    /// Addresses for the settings of an app of your own at Slack; null for other types.
    slack_urls: Option<SlackUrls>,
    /// Whether a signing secret of an app of your own is set.
    has_signing_secret: bool,
    /// Whether there is a secret with which a web site signs who its visitors are.
    has_identity_secret: bool,
    /// ID of its creator, who is charged.
    user_id: String,
    org_id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Settings of an integration.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IntegrationConfig")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct ConfigView {
    /// Chatbots of single channels of Slack.
    channels: Vec<ChannelView>,
    /// Whether files that people share with the bot are read.
    read_files: bool,
    /// Questions that one person at Slack may ask a day.
    daily_questions: Option<u32>,
    /// Origins whose pages may embed the widget.
    allowed_origins: Vec<String>,
    appearance: AppearanceView,
    /// Whether visitors may rate answers.
    feedback: bool,
    /// Whether visitors may leave their name and address.
    lead_form: bool,
    /// Whether visitors may ask for a person.
    handover: bool,
    /// Whether only visitors may ask whom the site has signed in.
    identity_required: bool,
    /// Questions that all visitors together may ask a day.
    daily_visitor_questions: Option<u32>,
}

/// The chatbot of a channel.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatbotOfChannel")]
pub(crate) struct ChannelView {
    channel: String,
    chatbot_id: String,
}

/// What the widget looks like.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetAppearance")]
pub(crate) struct AppearanceView {
    title: Option<String>,
    color: Option<String>,
    position: WidgetPosition,
    theme: WidgetTheme,
    /// Language of the widget's own texts; that of the page if null.
    language: Option<String>,
}

/// A workspace of Slack.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SlackWorkspace")]
pub(crate) struct WorkspaceView {
    team_id: String,
    team_name: String,
    bot_user_id: String,
    app_id: Option<String>,
    /// Whether the platform's app is installed there, rather than one of your own.
    platform_app: bool,
    connected_at: Timestamp,
}

/// Addresses for the settings of an app at Slack.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SlackUrls {
    /// Request URL of Event Subscriptions.
    events: String,
    /// Request URL of Interactivity.
    interactivity: String,
    /// Request URL of slash commands.
    commands: String,
}

/// An installation that was begun.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SlackInstallation")]
pub(crate) struct InstallationView {
    /// The page of Slack on which a member of the workspace approves it.
    pub(crate) url: String,
}

/// A secret with which a web site signs who its visitors are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IdentitySecret {
    /// The secret. It is not shown again.
    pub(crate) secret: String,
}

impl IntegrationView {
    /// Returns the view. `public_url`: base URL of the API.
    pub(crate) fn of(integration: Integration, public_url: &str) -> Self {
        let url = |what: &str| {
            let (org, id) = (&integration.org, &integration.id);
            format!("{public_url}/api/v1/integrations/slack/{what}?integration={org}.{id}")
        };
        let slack_urls = (integration.kind == IntegrationType::Slack).then(|| SlackUrls {
            events: url("events"),
            interactivity: url("interactivity"),
            commands: url("commands"),
        });
        Self {
            id: integration.id.0,
            kind: integration.kind,
            name: integration.name,
            chatbot_id: integration.chatbot_id.map(|id| id.0),
            status: integration.status,
            problem: integration.problem,
            config: ConfigView {
                channels: integration
                    .slack
                    .channels
                    .into_iter()
                    .map(|(channel, chatbot)| ChannelView {
                        channel,
                        chatbot_id: chatbot.0,
                    })
                    .collect(),
                read_files: integration.slack.read_files,
                daily_questions: integration.slack.daily_questions,
                allowed_origins: integration.website.allowed_origins,
                appearance: AppearanceView {
                    title: integration.website.appearance.title,
                    color: integration.website.appearance.color,
                    position: integration.website.appearance.position,
                    theme: integration.website.appearance.theme,
                    language: integration.website.appearance.language,
                },
                feedback: integration.website.feedback,
                lead_form: integration.website.lead_form,
                handover: integration.website.handover,
                identity_required: integration.website.identity_required,
                daily_visitor_questions: integration.website.daily_questions,
            },
            workspace: integration.connection.map(|it| WorkspaceView {
                team_id: it.team_id,
                team_name: it.team_name,
                bot_user_id: it.bot_user_id,
                app_id: it.app_id,
                platform_app: it.by_oauth,
                connected_at: it.connected_at,
            }),
            slack_urls,
            has_signing_secret: integration.signing_secret.is_some(),
            has_identity_secret: integration.identity_secret.is_some(),
            user_id: integration.created_by.0,
            org_id: integration.org.0,
            created_at: integration.created_at,
            updated_at: integration.updated_at,
        }
    }
}
