//! What a person set up for themselves.

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, JsonObject, Timestamp};

/// Colors of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the device has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What someone wants to be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    /// By email: documents that failed, limits that were reached.
    pub email: bool,
    /// By email: what is new in the product.
    pub product_news: bool,
}

/// The settings of a user. Preferences are a client's own and mean nothing to us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Colors of the pages.
    pub theme: Theme,
    /// Language of the pages and of email, a BCP 47 tag.
    pub language: String,
    /// What they want to be told about.
    pub notifications: Notifications,
    /// What a client keeps for itself.
    #[serde(default, with = "crate::json::as_text")]
    pub preferences: JsonObject,
    /// The personal API key, once there is one.
    #[serde(default)]
    pub api_key: Option<ApiKeyId>,
    /// When they were made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Settings {
    /// Longest language tag, bytes (RFC 5646 section 4.4.1).
    pub const MAX_LANGUAGE: usize = 35;
    /// Most preferences.
    pub const MAX_PREFERENCES: usize = 100;
    /// Largest preferences, bytes of JSON.
    pub const MAX_PREFERENCES_BYTES: usize = 16 * 1024;

    /// The settings of someone who set nothing.
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
