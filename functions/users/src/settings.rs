//! `/settings`: a user's own settings.

use app::{SettingsChange, SettingsFound};
use domain::{
    JsonObject, Plan, Settings, Timestamp,
    auth::permission::{ReadAccount, WriteAccount},
    users::settings::Theme,
};
use garde::Validate;
use http_api::{Body, Caller, Ctx, Json, Result, SelfOrAdmin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields that clients cannot set: they may be sent back as they were read, and are ignored.
const PROTECTED: [&str; 29] = [
    "id",
    "uid",
    "user",
    "user_id",
    "org",
    "org_id",
    "personal_org",
    "default_org_id",
    "owner",
    "owners",
    "seats",
    "role",
    "is_admin",
    "status",
    "email_verified",
    "plan",
    "stripe_customer_id",
    "api_key",
    "usage",
    "used_today",
    "daily_limit",
    "last_reset",
    "session_epoch",
    "password_hash",
    "secret_hash",
    "created_at",
    "created_by",
    "updated_at",
    "deleted_at",
];

/// A change of settings. Protected fields (API key, plan, usage, IDs, times) are ignored; other unknown fields are
/// rejected, because they would be lost.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "UserSettingsPatch", deny_unknown_fields, extend("x-ignored" = PROTECTED))]
pub(crate) struct SettingsPatch {
    /// Color theme of the user interface.
    #[garde(skip)]
    theme: Option<Theme>,
    /// Language of the user interface and of emails, a BCP 47 tag.
    #[garde(length(max = Settings::MAX_LANGUAGE), pattern(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"))]
    language: Option<String>,
    /// What to notify about; omitted fields stay unchanged.
    #[garde(skip)]
    notifications: Option<NotificationsPatch>,
    /// Data that the client stores for itself; replaces all of it.
    #[garde(inner(custom(|own: &JsonObject, (): &()| small(own))))]
    preferences: Option<JsonObject>,
}

/// What to notify about.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NotificationsPatch {
    /// By email: failed documents, reached limits.
    email: Option<bool>,
    /// By email: news about the product.
    product_news: Option<bool>,
}

/// The settings of a user.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Settings")]
pub(crate) struct SettingsView {
    user_id: String,
    theme: Theme,
    language: String,
    notifications: NotificationsView,
    /// Data that the client stores for itself.
    preferences: JsonObject,
    /// The personal API key without its secret middle; null until it is created.
    api_key: Option<String>,
    plan: Plan,
    usage: UsageView,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What to notify about.
#[derive(Serialize, JsonSchema)]
struct NotificationsView {
    email: bool,
    product_news: bool,
}

/// Today's LLM tokens.
#[derive(Serialize, JsonSchema)]
struct UsageView {
    daily_limit: u64,
    used_today: u64,
}

/// A new personal API key.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PersonalKeyView {
    /// Sent as `Authorization: Bearer` or `X-API-Key`. It cannot be retrieved again.
    api_key: String,
}

impl From<SettingsFound> for SettingsView {
    fn from(found: SettingsFound) -> Self {
        let SettingsFound {
            settings,
            key,
            plan,
            quota,
        } = found;
        Self {
            user_id: quota.user.0,
            theme: settings.theme,
            language: settings.language,
            notifications: NotificationsView {
                email: settings.notifications.email,
                product_news: settings.notifications.product_news,
            },
            preferences: settings.preferences,
            api_key: key.map(|key| format!("{}…{}", key.prefix, key.last_four)),
            plan,
            usage: UsageView {
                daily_limit: quota.daily_limit,
                used_today: quota.used_today,
            },
            created_at: settings.created_at,
            updated_at: settings.updated_at,
        }
    }
}

fn small(preferences: &JsonObject) -> garde::Result {
    let bytes = preferences.text().len();
    if preferences.entries() <= Settings::MAX_PREFERENCES && bytes <= Settings::MAX_PREFERENCES_BYTES {
        Ok(())
    } else {
        Err(garde::Error::new(format!(
            "must not exceed {} entries and {} bytes",
            Settings::MAX_PREFERENCES,
            Settings::MAX_PREFERENCES_BYTES
        )))
    }
}

pub(crate) async fn get_settings(app: Ctx, about: SelfOrAdmin<ReadAccount>) -> Result<Json<SettingsView>> {
    Ok(Json(app.settings(&about.identity.user).await?.into()))
}

/// Only signed-in users change their settings: an API key gets 403.
pub(crate) async fn update_settings(
    app: Ctx,
    _: Caller,
    about: SelfOrAdmin<WriteAccount>,
    Body(patch): Body<SettingsPatch>,
) -> Result<Json<SettingsView>> {
    let notifications = patch.notifications.as_ref();
    let change = SettingsChange {
        theme: patch.theme,
        language: patch.language,
        notify_by_email: notifications.and_then(|it| it.email),
        notify_of_news: notifications.and_then(|it| it.product_news),
        preferences: patch.preferences,
    };
    Ok(Json(app.change_settings(&about.identity.user, &change).await?.into()))
}

pub(crate) async fn regenerate_api_key(app: Ctx, person: Caller) -> Result<Json<PersonalKeyView>> {
    let key = app.regenerate_personal_key(&person.identity, &person.actor()).await?;
    Ok(Json(PersonalKeyView {
        api_key: key.expose().to_owned(),
    }))
}
