//! Chatbots on web sites.

use serde::{Deserialize, Serialize};

use super::too_many;
use crate::{Error, Result};

/// Corner of the page in which the widget stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WidgetPosition {
    /// At the end of a line: right where text runs from left to right.
    #[default]
    End,
    /// At the beginning of a line.
    Start,
}

/// Whether the widget is light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WidgetTheme {
    /// As the visitor's system.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What the widget looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WidgetAppearance {
    /// Title above the conversation; the chatbot's name if `None`.
    pub title: Option<String>,
    /// Accent color, `#rrggbb`; the chatbot's if `None`.
    pub color: Option<String>,
    /// Where it stands.
    pub position: WidgetPosition,
    /// Whether it is light or dark.
    pub theme: WidgetTheme,
    /// Language of its own texts, as in `de` or `pt-BR` (BCP 47); that of the page if `None`.
    pub language: Option<String>,
}

/// Settings of an integration with web sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct WebsiteConfig {
    /// Origins whose pages may embed the widget, as browsers send them. No others may.
    pub allowed_origins: Vec<String>,
    /// What it looks like.
    pub appearance: WidgetAppearance,
    /// Whether visitors may rate answers.
    pub feedback: bool,
    /// Whether visitors may leave their name and address.
    pub lead_form: bool,
    /// Whether visitors may ask for a person, who gets an email.
    pub handover: bool,
    /// Whether only visitors whom the site has signed in may ask.
    pub identity_required: bool,
    /// Maximum number of questions of all visitors a day; `None` means no limit of its own.
    pub daily_questions: Option<u32>,
}

impl Default for WebsiteConfig {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            appearance: WidgetAppearance::default(),
            feedback: true,
            lead_form: false,
            handover: false,
            identity_required: false,
            daily_questions: None,
        }
    }
}

impl WebsiteConfig {
    /// Maximum number of origins.
    pub const MAX_ORIGINS: usize = 50;
    /// Maximum length of a title, in characters.
    pub const MAX_TITLE: usize = 60;
    /// Maximum length of a language tag, in bytes.
    pub const MAX_LANGUAGE: usize = 35;
    /// Maximum length of a visitor's question, in characters.
    pub const MAX_QUESTION: usize = 4_000;
    /// Greatest number of questions a day.
    pub const MAX_QUESTIONS: u32 = 1_000_000;

    /// Checks and normalizes what a client sent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with a pointer below `/config`.
    pub fn checked(mut self) -> Result<Self> {
        if self.allowed_origins.len() > Self::MAX_ORIGINS {
            return Err(too_many("/config/allowed_origins", Self::MAX_ORIGINS, "origins"));
        }
        for (number, origin) in self.allowed_origins.iter_mut().enumerate() {
            let Some(normal) = normal_origin(origin) else {
                let detail = "must be an origin such as https://www.example.com, without a path or wildcard; \
                              only localhost may have http";
                return Err(Error::invalid(format!("/config/allowed_origins/{number}"), detail));
            };
            *origin = normal;
        }
        self.allowed_origins.sort_unstable();
        self.allowed_origins.dedup();
        let look = &self.appearance;
        if look
            .title
            .as_ref()
            .is_some_and(|title| title.chars().count() > Self::MAX_TITLE)
        {
            let detail = format!("must have at most {} characters", Self::MAX_TITLE);
            return Err(Error::invalid("/config/appearance/title", detail));
        }
        if look.color.as_ref().is_some_and(|color| !is_color(color)) {
            return Err(Error::invalid(
                "/config/appearance/color",
                "must be a color such as #1a2b3c",
            ));
        }
        if look.language.as_ref().is_some_and(|tag| !is_language(tag)) {
            return Err(Error::invalid(
                "/config/appearance/language",
                "must be a language tag such as de or pt-BR",
            ));
        }
        Ok(self)
    }

    /// Returns whether pages of this origin, as a browser sends it, may embed the widget.
    pub fn allows(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
    }
}

fn is_color(color: &str) -> bool {
    color.len() == 7 && color.starts_with('#') && color[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns whether a text has the form of a language tag (RFC 5646 section 2.1).
fn is_language(tag: &str) -> bool {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = tag.split('-').next().unwrap_or_default();
    let is_named = (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    tag.len() <= WebsiteConfig::MAX_LANGUAGE && is_named && tag.split('-').all(is_part)
}

/// Returns an origin as browsers send it (RFC 6454, section 6.2): lower case, in ASCII, without the default port.
fn normal_origin(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    let (scheme, rest) = text.split_once("://")?;
    let url = url::Url::parse(text).ok()?;
    let host = url.host()?;
    let is_local = match &host {
        url::Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    let is_plain = !rest.contains(['/', '?', '#', '@', '*', '\\', '%', ' ']);
    let is_safe = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") && is_local;
    let is_origin = is_plain && is_safe && !rest.ends_with(':') && !rest.contains("..");
    is_origin.then(|| url.origin().ascii_serialization())
}
