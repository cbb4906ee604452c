//! Daily limits of any user.

use app::QuotaChange;
use domain::Quota;
use garde::Validate;
use http_api::{Body, Ctx, Json, Path, QuotaView, Result, Service};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::sessions::UserPath;

/// A change of a daily limit. `last_reset` in the body is ignored: days begin automatically.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct UserQuotaPatch {
    /// Maximum LLM tokens per day.
    #[garde(range(max = Quota::MAX_DAILY_LIMIT))]
    daily_limit: Option<u64>,
    /// LLM tokens to count as used today.
    #[garde(range(max = Quota::MAX_DAILY_LIMIT))]
    used_today: Option<u64>,
}

/// Tokens that were used elsewhere.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct UsedTokens {
    /// Number of tokens.
    #[garde(range(max = Quota::MAX_DAILY_LIMIT))]
    tokens: u64,
}

pub(crate) async fn get_quota_of_user(app: Ctx, _: Service, Path(path): Path<UserPath>) -> Result<Json<QuotaView>> {
    Ok(Json(app.quota(&path.user_id).await?.into()))
}

pub(crate) async fn update_quota_of_user(
    app: Ctx,
    service: Service,
    Path(path): Path<UserPath>,
    Body(limits): Body<UserQuotaPatch>,
) -> Result<Json<QuotaView>> {
    let change = QuotaChange {
        daily_limit: limits.daily_limit,
        used_today: limits.used_today,
    };
    let quota = app.set_quota(&service.actor(), &path.user_id, &change, true).await?;
    Ok(Json(quota.into()))
}

pub(crate) async fn add_usage_of_user(
    app: Ctx,
    service: Service,
    Path(path): Path<UserPath>,
    Body(used): Body<UsedTokens>,
) -> Result<Json<QuotaView>> {
    let quota = app.add_usage(&service.actor(), &path.user_id, used.tokens).await?;
    Ok(Json(quota.into()))
}
