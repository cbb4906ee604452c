//! Settings of a user.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::{JsonObject, Result, Settings, Timestamp, UserId, users::settings::Theme};

use crate::{
    Store, keys,
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
        let fields = [
            ("theme", change.theme.as_ref().map(value).transpose()?),
            ("language", change.language.as_ref().map(s)),
            (
                "notifications.email",
                change.notify_by_email.as_ref().map(value).transpose()?,
            ),
            (
                "notifications.product_news",
                change.notify_of_news.as_ref().map(value).transpose()?,
            ),
            // Stored as text, as in [`Settings`].
            ("preferences", change.preferences.as_ref().map(|own| s(own.text()))),
        ];
        let mut set = vec!["updated_at = :now".to_owned()];
        let mut update = self
            .identity()
            .update(&keys::settings(user))
            .condition_expression(ITEM_EXISTS)
            .expression_attribute_values(":now", s(now.to_string()))
            .return_values(ReturnValue::AllNew);
        for (number, (path, value)) in fields.into_iter().enumerate() {
            let Some(value) = value else { continue };
            let mut names = Vec::new();
            for (depth, name) in path.split('.').enumerate() {
                let placeholder = format!("#f{number}_{depth}");
                update = update.expression_attribute_names(&placeholder, name);
                names.push(placeholder);
            }
            set.push(format!("{} = :f{number}", names.join(".")));
            update = update.expression_attribute_values(format!(":f{number}"), value);
        }
        let update = update.update_expression(format!("SET {}", set.join(", ")));
        conditional(update).await?.map(from_item).transpose()
    }
}
