//! What a person set up for themselves.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ApiKeyId, Timestamp};

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

/// What somebody wants to be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    /// By mail: documents that failed, limits that were reached.
    pub email: bool,
    /// By mail: what is new in the product.
    pub product_news: bool,
}

/// The settings of a user. Preferences are a client's own and mean nothing to us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Colors of the pages.
    pub theme: Theme,
    /// Language of the pages and of mail, a BCP 47 tag.
    pub language: String,
    /// What they want to be told about.
    pub notifications: Notifications,
    /// What a client keeps for itself.
    #[serde(default)]
    pub preferences: Map<String, Value>,
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
    /// Deepest nesting of preferences: an item of DynamoDB has 32 levels, the item and the preferences included.
    pub const MAX_PREFERENCES_DEPTH: usize = 30;

    /// Whether DynamoDB can hold `preferences`: numbers of its range, names of at least one character, not too deep
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
    pub fn can_be_stored(preferences: &Map<String, Value>) -> bool {
        preferences
            .iter()
            .all(|(name, value)| !name.is_empty() && is_storable(value, Self::MAX_PREFERENCES_DEPTH))
    }

    /// The settings of somebody who set nothing.
    pub fn defaults(now: Timestamp) -> Self {
        Self {
            theme: Theme::default(),
            language: "en".to_owned(),
            notifications: Notifications {
                email: true,
                product_news: false,
            },
            preferences: Map::new(),
            api_key: None,
            created_at: now,
            updated_at: now,
        }
    }
}

fn is_storable(value: &Value, levels: usize) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| {
            let size = number.abs();
            size == 0.0 || (1e-130..1e126).contains(&size)
        }),
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_storable(item, levels - 1)),
        Value::Object(fields) => {
            let is_storable = |(name, value): (&String, &Value)| !name.is_empty() && is_storable(value, levels - 1);
            levels > 0 && fields.iter().all(is_storable)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}
