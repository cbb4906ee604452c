//! `/auth/*`: statistics of the caller's usage.

use app::UsageReport;
use domain::{GroupBy, auth::permission::ReadAccount};
use http_api::{Ctx, Json, May, Query, Result};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::view::{GroupView, PeriodQuery, Speed, Summary, groups};

/// The caller's usage by category and model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UsageStats {
    user_id: String,
    #[serde(flatten)]
    summary: Summary,
    /// Number of days with usage.
    active_days: usize,
    /// By category, most tokens first.
    by_category: Vec<GroupView>,
    /// By model, most tokens first.
    by_model: Vec<GroupView>,
    #[serde(flatten)]
    speed: Speed,
}

/// The caller's usage of each model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ModelStats {
    #[serde(flatten)]
    summary: Summary,
    /// Most tokens first.
    models: Vec<ModelStat>,
}

/// Usage and latencies of a model.
#[derive(Serialize, JsonSchema)]
struct ModelStat {
    #[serde(flatten)]
    group: GroupView,
    #[serde(flatten)]
    speed: Speed,
}

/// The caller's tokens by purpose.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenBreakdown {
    #[serde(flatten)]
    summary: Summary,
    /// By category.
    categories: Vec<GroupView>,
    /// By API key; the group without a name is usage without an API key.
    keys: Vec<GroupView>,
    /// By chatbot; the group without a name is usage without a chatbot.
    chatbots: Vec<GroupView>,
}

/// The caller's usage of each model on each day.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DailyModelStats {
    #[serde(flatten)]
    summary: Summary,
    /// Oldest first; days without usage are omitted.
    days: Vec<DailyModels>,
}

/// Usage of each model on a day.
#[derive(Serialize, JsonSchema)]
struct DailyModels {
    /// The day.
    date: Date,
    /// Most tokens first.
    models: Vec<GroupView>,
}

async fn own_usage(app: &Ctx, member: &May<ReadAccount>, days: &PeriodQuery) -> Result<UsageReport> {
    let report = app.own_usage(&member.identity, &member.org, days.period());
    Ok(report.await?)
}

pub(crate) async fn get_usage_stats(
    app: Ctx,
    member: May<ReadAccount>,
    Query(days): Query<PeriodQuery>,
) -> Result<Json<UsageStats>> {
    let report = own_usage(&app, &member, &days).await?;
    Ok(Json(UsageStats {
        user_id: member.identity.user.id.to_string(),
        summary: (&report).into(),
        active_days: report.statistics.by(GroupBy::Day).len(),
        by_category: groups(&report, GroupBy::Category),
        by_model: groups(&report, GroupBy::Model),
        speed: (&report.statistics.times()).into(),
    }))
}

pub(crate) async fn get_model_stats(
    app: Ctx,
    member: May<ReadAccount>,
    Query(days): Query<PeriodQuery>,
) -> Result<Json<ModelStats>> {
    let report = own_usage(&app, &member, &days).await?;
    let mut times = report.statistics.times_by(|_, model| model.to_owned());
    let models = report.statistics.by(GroupBy::Model).into_iter().map(|group| ModelStat {
        speed: (&group
            .0
            .as_ref()
            .and_then(|model| times.remove(model))
            .unwrap_or_default())
            .into(),
        group: group.into(),
    });
    Ok(Json(ModelStats {
        summary: (&report).into(),
        models: models.collect(),
    }))
}

pub(crate) async fn get_token_breakdown(
    app: Ctx,
    member: May<ReadAccount>,
    Query(days): Query<PeriodQuery>,
) -> Result<Json<TokenBreakdown>> {
    let report = own_usage(&app, &member, &days).await?;
    Ok(Json(TokenBreakdown {
        summary: (&report).into(),
        categories: groups(&report, GroupBy::Category),
        keys: groups(&report, GroupBy::Key),
        chatbots: groups(&report, GroupBy::Chatbot),
    }))
}

pub(crate) async fn get_daily_model_stats(
    app: Ctx,
    member: May<ReadAccount>,
    Query(days): Query<PeriodQuery>,
) -> Result<Json<DailyModelStats>> {
    let report = own_usage(&app, &member, &days).await?;
    let days = report.statistics.by_day_and_model().into_iter();
    let daily = days.map(|(date, models)| DailyModels {
        date,
        models: models.into_iter().map(GroupView::from).collect(),
    });
    Ok(Json(DailyModelStats {
        summary: (&report).into(),
        days: daily.collect(),
    }))
}
