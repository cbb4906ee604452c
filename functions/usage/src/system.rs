//! Usage of the platform, for platform admins.

use app::PlatformReport;
use domain::{GroupBy, Period, Timestamp, usage::statistics::PeriodRequest};
use http_api::{Ctx, Json, PlatformAdmin, Query, Result};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    analytics::PerformanceReport,
    view::{GroupView, PeriodQuery, ReportView, Speed, Summary, groups},
};

/// Which days to report, and how to group them.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SystemGrouped {
    /// The first day, for example `2026-11-24`; if omitted, 30 days end with the last one. At most 366 days.
    from: Option<Date>,
    /// The last day, inclusive; today in UTC if omitted.
    to: Option<Date>,
    /// The number of days, at most 366: starting at `from`, or ending at `to`.
    #[schemars(range(min = 1, max = Period::MAX_DAYS))]
    days: Option<u32>,
    /// How to group the counters; by day if omitted.
    group_by: Option<SystemGroupBy>,
}

impl SystemGrouped {
    /// Returns the requested days.
    fn period(&self) -> PeriodRequest {
        PeriodRequest {
            from: self.from,
            to: self.to,
            days: self.days,
        }
    }
}

/// How to group the usage of the platform.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SystemGroupBy {
    /// By day of the organization that used the tokens, oldest first.
    Day,
    /// By model that answered.
    Model,
    /// By purpose of the tokens.
    Category,
}

impl From<SystemGroupBy> for GroupBy {
    fn from(group: SystemGroupBy) -> Self {
        match group {
            SystemGroupBy::Day => Self::Day,
            SystemGroupBy::Model => Self::Model,
            SystemGroupBy::Category => Self::Category,
        }
    }
}

/// How current the sums are.
#[derive(Serialize, JsonSchema)]
struct Freshness {
    /// When the newest usage in the sums occurred; null if there is none.
    as_of: Option<Timestamp>,
    /// Seconds until that usage was included in the sums.
    lag_seconds: Option<u64>,
}

impl From<&PlatformReport> for Freshness {
    fn from(report: &PlatformReport) -> Self {
        Self {
            as_of: report.rolled_up.map(|rolled_up| rolled_up.until),
            lag_seconds: report.rolled_up.map(|rolled_up| rolled_up.took_ms.div_ceil(1000)),
        }
    }
}

/// New accounts and usage of the platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemStats {
    #[serde(flatten)]
    freshness: Freshness,
    #[serde(flatten)]
    summary: Summary,
    /// Accounts created on these days (UTC), without those deleted since.
    new_users: u64,
    /// Number of days with usage.
    active_days: usize,
    /// By category, most tokens first.
    by_category: Vec<GroupView>,
    /// By model, most tokens first.
    by_model: Vec<GroupView>,
    #[serde(flatten)]
    speed: Speed,
}

/// Usage of the platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemUsage {
    #[serde(flatten)]
    freshness: Freshness,
    #[serde(flatten)]
    report: ReportView,
}

/// The latencies and error rates of models on the platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemPerformance {
    #[serde(flatten)]
    freshness: Freshness,
    #[serde(flatten)]
    report: PerformanceReport,
}

pub(crate) async fn get_system_stats(
    app: Ctx,
    _: PlatformAdmin,
    Query(days): Query<PeriodQuery>,
) -> Result<Json<SystemStats>> {
    let report = app.platform_usage(days.period()).await?;
    let usage = &report.usage;
    Ok(Json(SystemStats {
        freshness: (&report).into(),
        summary: usage.into(),
        new_users: app.new_accounts(usage.period).await?,
        active_days: usage.statistics.by(GroupBy::Day).len(),
        by_category: groups(usage, GroupBy::Category),
        by_model: groups(usage, GroupBy::Model),
        speed: (&usage.statistics.times()).into(),
    }))
}

pub(crate) async fn get_system_usage(
    app: Ctx,
    _: PlatformAdmin,
    Query(query): Query<SystemGrouped>,
) -> Result<Json<SystemUsage>> {
    let report = app.platform_usage(query.period()).await?;
    Ok(Json(SystemUsage {
        freshness: (&report).into(),
        report: ReportView::of(&report.usage, query.group_by.map_or(GroupBy::Day, Into::into)),
    }))
}

pub(crate) async fn get_system_performance(
    app: Ctx,
    _: PlatformAdmin,
    Query(days): Query<PeriodQuery>,
) -> Result<Json<SystemPerformance>> {
    let report = app.platform_usage(days.period()).await?;
    Ok(Json(SystemPerformance {
        freshness: (&report).into(),
        report: PerformanceReport::of(&report.usage),
    }))
}
