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
}

/// Settings of an integration with web sites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebsiteConfig {
    /// Origins whose pages may embed the widget, as browsers send them. No others may.
    pub allowed_origins: Vec<String>,
    /// What it looks like.
    pub appearance: WidgetAppearance,
}

impl WebsiteConfig {
    /// Maximum number of origins.
    pub const MAX_ORIGINS: usize = 50;
    /// Maximum length of a title, in characters.
    pub const MAX_TITLE: usize = 60;

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
