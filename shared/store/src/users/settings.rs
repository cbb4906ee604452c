//! Settings of a user.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{JsonObject, Result, Settings, Timestamp, UserId, users::settings::Theme};

use crate::{
    Store, keys,
    table::changes::Changes,
    table::item::{ITEM_EXISTS, conditional, from_item, s, to_item, value},
};

/// A change of settings. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    /// Color theme of the pages.
    pub theme: Option<Theme>,
    /// Language of the pages and of emails.
    pub language: Option<String>,
    /// Whether to send notifications by email.
    pub notify_by_email: Option<bool>,
    /// Whether to send news by email.
    pub notify_of_news: Option<bool>,
    /// All preferences.
    pub preferences: Option<JsonObject>,
}

impl Store {
    /// Returns the settings of a user; users without settings get the defaults, once.
    pub async fn settings(&self, user: &UserId, now: Timestamp) -> Result<Settings> {
        let key = keys::settings(user);
        loop {
            if let Some(found) = self.identity().get(key.clone()).await? {
                return Ok(found);
            }
            let defaults = Settings::defaults(now);
            if self.identity().put_new(to_item(&key, &defaults)?).await? {
                return Ok(defaults);
            }
        }
    }

    /// Changes existing settings, field by field, so that concurrent changes of different fields do not overwrite each
    /// other.
    pub async fn change_settings(
        &self,
        user: &UserId,
        change: &SettingsChange,
        now: Timestamp,
    ) -> Result<Option<Settings>> {
        let update = self
            .identity()
            .update(&keys::settings(user))
            .condition_expression(ITEM_EXISTS)
            .return_values(ReturnValue::AllNew);
        let changes = Changes::default()
            .set("updated_at", s(now.to_string()))
            .set_if("theme", change.theme.as_ref().map(value).transpose()?)
            .set_if("language", change.language.as_ref().map(s))
            .set_if("notifications.email", change.notify_by_email.map(AttributeValue::Bool))
            .set_if("notifications.product_news", change.notify_of_news.map(AttributeValue::Bool))
            // Stored as text, as in [`Settings`].
            .set_if("preferences", change.preferences.as_ref().map(|own| s(own.text())));
        let update = changes.on(update);
        conditional(update).await?.map(from_item).transpose()
    }
}
