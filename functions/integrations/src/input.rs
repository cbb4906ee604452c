//! Request bodies and parameters.

use app::IntegrationChange;
use domain::{
    ChatbotId, Error, Integration, IntegrationId, IntegrationStatus, IntegrationType, Result, Secret, SlackConfig,
    WebsiteConfig,
    integrations::website::{WidgetAppearance, WidgetPosition, WidgetTheme},
};
use garde::Validate;
use http_api::{readable_name, readable_text};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Path of one integration.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct IntegrationPath {
    pub(crate) integration_id: IntegrationId,
}

/// Path of a new integration. A path has one name for its last part, whatever the method.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TypePath {
    /// Its type: `slack` or `website`.
    #[serde(rename = "integration_id")]
    pub(crate) kind: IntegrationType,
}

/// Which integrations to list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// `org`: all that members share; the caller's own by default.
    scope: Option<Scope>,
}

/// Whose integrations are listed.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// The caller's own.
    Own,
    /// All of the organization.
    Org,
}

impl Filter {
    pub(crate) fn own(&self) -> bool {
        self.scope != Some(Scope::Org)
    }
}

/// A new integration.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewIntegration {
    /// Its type, as in the path.
    #[garde(skip)]
    #[serde(rename = "type")]
    kind: Option<IntegrationType>,
    /// Display name.
    #[garde(length(chars, max = Integration::MAX_NAME), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: String,
    /// The chatbot that answers.
    #[garde(skip)]
    chatbot_id: Option<ChatbotId>,
    /// Its settings.
    #[garde(dive)]
    config: Option<Config>,
}

/// A change of an integration; omitted fields stay unchanged.
#[derive(Deserialize, Validate, JsonSchema)]
#[expect(
    clippy::option_option,
    reason = "null removes the chatbot, absence leaves it unchanged"
)]
pub(crate) struct IntegrationPatch {
    /// New name.
    #[garde(length(chars, max = Integration::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// `active` or `paused`.
    #[garde(skip)]
    status: Option<IntegrationStatus>,
    /// The chatbot that answers; null for none.
    #[garde(skip)]
    #[serde(default, deserialize_with = "nullable")]
    chatbot_id: Option<Option<ChatbotId>>,
    /// New settings, which replace the current ones.
    #[garde(dive)]
    config: Option<Config>,
}

/// Settings of an integration. The first three are those of the type `slack`, the others those of `website`.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "IntegrationSettings")]
pub(crate) struct Config {
    /// Chatbots of single channels of Slack. Elsewhere `chatbot_id` answers.
    #[garde(length(max = SlackConfig::MAX_CHANNELS))]
    channels: Option<Vec<ChannelChatbot>>,
    /// Whether files that people share with the bot are read.
    #[garde(skip)]
    read_files: Option<bool>,
    /// Questions that one person at Slack may ask a day; null for no limit of their own.
    #[garde(inner(range(min = 1, max = SlackConfig::MAX_QUESTIONS)))]
    daily_questions: Option<u32>,
    /// Origins whose pages may embed the widget, such as `https://www.example.com`. No others may.
    #[garde(length(max = WebsiteConfig::MAX_ORIGINS), inner(inner(length(bytes, max = 300))))]
    #[schemars(inner(length(max = 300)))]
    allowed_origins: Option<Vec<String>>,
    /// What the widget looks like.
    #[garde(dive)]
    appearance: Option<Appearance>,
    /// Whether visitors may rate answers; by default they may.
    #[garde(skip)]
    feedback: Option<bool>,
    /// Whether visitors may leave their name and address, which are sent to the creator of the integration.
    #[garde(skip)]
    lead_form: Option<bool>,
    /// Whether visitors may ask for a person: the creator of the integration gets an email.
    #[garde(skip)]
    handover: Option<bool>,
    /// Whether only visitors may ask whom the site has signed in (`identity` of the session).
    #[garde(skip)]
    identity_required: Option<bool>,
    /// Questions that all visitors together may ask a day; null for no limit of their own.
    #[garde(inner(range(min = 1, max = WebsiteConfig::MAX_QUESTIONS)))]
    daily_visitor_questions: Option<u32>,
}

/// The chatbot of a channel.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ChannelChatbot {
    /// ID of the channel, such as `C0123456789`.
    channel: String,
    /// The chatbot that answers there.
    chatbot_id: ChatbotId,
}

/// What the widget looks like.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "WidgetAppearanceInput")]
pub(crate) struct Appearance {
    /// Title above the conversation; the chatbot's name if omitted.
    #[garde(length(chars, max = WebsiteConfig::MAX_TITLE), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    title: Option<String>,
    /// Accent color, `#rrggbb`; the chatbot's if omitted.
    #[garde(pattern(r"^#[0-9a-fA-F]{6}$"))]
    color: Option<String>,
    /// `end` of a line (right where text runs from left to right) or `start`.
    #[garde(skip)]
    position: Option<WidgetPosition>,
    /// `auto` (as the visitor's system), `light` or `dark`.
    #[garde(skip)]
    theme: Option<WidgetTheme>,
    /// Language of the widget's own texts, such as `de` or `pt-BR`; that of the page if omitted.
    #[garde(length(bytes, max = WebsiteConfig::MAX_LANGUAGE))]
    language: Option<String>,
}

/// Credentials of an app at Slack.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(rename = "SlackCredentials")]
pub(crate) struct Credentials {
    /// Bot User OAuth Token, which begins with `xoxb-`.
    pub(crate) bot_token: Option<Secret>,
    /// Signing Secret.
    pub(crate) signing_secret: Option<Secret>,
}

/// What Slack led back with.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "SlackInstallationResult")]
pub(crate) struct Completion {
    /// The parameter `state`.
    #[garde(length(bytes, max = 200))]
    pub(crate) state: String,
    /// The parameter `code`.
    #[garde(skip)]
    pub(crate) code: Secret,
}

impl Config {
    fn slack(&self) -> SlackConfig {
        let channels = self.channels.iter().flatten();
        SlackConfig {
            channels: channels.map(|it| (it.channel.clone(), it.chatbot_id.clone())).collect(),
            read_files: self.read_files.unwrap_or_default(),
            daily_questions: self.daily_questions,
        }
    }

    fn website(self) -> WebsiteConfig {
        let appearance = self.appearance.map(|look| WidgetAppearance {
            title: look.title.filter(|title| !title.trim().is_empty()),
            color: look.color,
            position: look.position.unwrap_or_default(),
            theme: look.theme.unwrap_or_default(),
            language: look.language.filter(|language| !language.is_empty()),
        });
        WebsiteConfig {
            allowed_origins: self.allowed_origins.unwrap_or_default(),
            appearance: appearance.unwrap_or_default(),
            feedback: self.feedback.unwrap_or(true),
            lead_form: self.lead_form.unwrap_or_default(),
            handover: self.handover.unwrap_or_default(),
            identity_required: self.identity_required.unwrap_or_default(),
            daily_questions: self.daily_visitor_questions,
        }
    }
}

impl NewIntegration {
    /// Returns the integration of the path's type.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/type` if the body names another one.
    pub(crate) fn of_type(self, kind: IntegrationType) -> Result<app::NewIntegration> {
        if self.kind.is_some_and(|named| named != kind) {
            return Err(Error::invalid(
                "/type",
                format!("must be {} as in the path", kind.name()),
            ));
        }
        let (slack, website) = match self.config {
            Some(config) => (config.slack(), config.website()),
            None => (SlackConfig::default(), WebsiteConfig::default()),
        };
        Ok(app::NewIntegration {
            kind,
            name: self.name,
            chatbot: self.chatbot_id,
            slack,
            website,
        })
    }
}

impl IntegrationPatch {
    pub(crate) fn into_change(self) -> IntegrationChange {
        let config = self.config.map(|config| (config.slack(), config.website()));
        let (slack, website) = config.unzip();
        IntegrationChange {
            name: self.name,
            status: self.status,
            chatbot: self.chatbot_id,
            slack,
            website,
        }
    }
}

/// Distinguishes null from an absent field.
#[expect(
    clippy::option_option,
    reason = "null removes the chatbot, absence leaves it unchanged"
)]
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<ChatbotId>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
