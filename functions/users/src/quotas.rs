//! `/users/{user_id}/quota`: the daily limit.

use app::QuotaChange;
use domain::{
    Quota,
    auth::permission::{ReadAccount, WriteAccount},
};
use garde::Validate;
use http_api::{Body, Caller, Ctx, Json, QuotaView, Result, SelfOrAdmin};
use schemars::JsonSchema;
use serde::Deserialize;

/// A change of a daily limit. `last_reset` in the body is ignored: days begin automatically.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct QuotaPatch {
    /// Maximum LLM tokens per day.
    #[garde(range(max = Quota::MAX_DAILY_LIMIT))]
    daily_limit: Option<u64>,
    /// LLM tokens to count as used today; applied if a platform admin calls, otherwise ignored.
    #[garde(range(max = Quota::MAX_DAILY_LIMIT))]
    used_today: Option<u64>,
}

pub(crate) async fn get_quota(app: Ctx, about: SelfOrAdmin<ReadAccount>) -> Result<Json<QuotaView>> {
    Ok(Json(app.quota(&about.user).await?.into()))
}

/// Only signed-in users change a limit: an API key gets 403.
pub(crate) async fn update_quota(
    app: Ctx,
    _: Caller,
    about: SelfOrAdmin<WriteAccount>,
    Body(patch): Body<QuotaPatch>,
) -> Result<Json<QuotaView>> {
    let change = QuotaChange {
        daily_limit: patch.daily_limit,
        used_today: patch.used_today,
    };
    let quota = app
        .set_quota(&about.actor(), &about.user, &change, about.is_admin())
        .await?;
    Ok(Json(quota.into()))
}
