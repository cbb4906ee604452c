//! A user's settings.

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, JsonObject, Timestamp};

/// Color theme of the user interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As set on the device.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Notification settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    /// By email: failed documents and reached limits.
    pub email: bool,
    /// By email: product news.
    pub product_news: bool,
}

/// The settings of a user. Preferences belong to the client and are not interpreted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Color theme of the user interface.
    pub theme: Theme,
    /// Language of the user interface and of email, as a BCP 47 tag.
    pub language: String,
    /// Notification settings.
    pub notifications: Notifications,
    /// Preferences stored for the client.
    #[serde(default, with = "crate::json::as_text")]
    pub preferences: JsonObject,
    /// The personal API key, if there is one.
    #[serde(default)]
    pub api_key: Option<ApiKeyId>,
    /// When they were created.
    pub created_at: Timestamp,
    /// When they were last changed.
    pub updated_at: Timestamp,
}

impl Settings {
    /// Maximum language tag length, in bytes (RFC 5646 section 4.4.1).
    pub const MAX_LANGUAGE: usize = 35;
    /// Maximum number of preferences.
    pub const MAX_PREFERENCES: usize = 100;
    /// Maximum size of the preferences, in bytes of JSON.
    pub const MAX_PREFERENCES_BYTES: usize = 16 * 1024;

    /// Returns the default settings of a new user.
    pub fn defaults(now: Timestamp) -> Self {
        Self {
            theme: Theme::default(),
            language: "en".to_owned(),
            notifications: Notifications {
                email: true,
                product_news: false,
            },
            preferences: JsonObject::default(),
            api_key: None,
            created_at: now,
            updated_at: now,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn preferences_are_kept_as_a_text_and_read_from_a_map_too() {
        let mut settings = Settings::defaults(Timestamp::UNIX_EPOCH);
        settings.preferences = JsonObject::parse(r#"{"":[1e300,{"":null}]}"#).unwrap();
        let stored = serde_json::to_value(&settings).unwrap();
        assert_eq!(stored["preferences"], r#"{"":[1e300,{"":null}]}"#);
        assert_eq!(serde_json::from_value::<Settings>(stored.clone()).unwrap(), settings);
        let mut earlier = stored;
        earlier["preferences"] = json!({"width": 300});
        let read: Settings = serde_json::from_value(earlier).unwrap();
        assert_eq!(read.preferences.text(), r#"{"width":300}"#);
    }
}
