//! What everybody used, for platform admins.

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

/// Which days are wanted, and how they are summed up.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SystemGrouped {
    /// The first day, as in `2026-11-24`; 30 days with the last one when left out. At most 366 days are told of.
    from: Option<Date>,
    /// The last day, included; today in UTC when left out.
    to: Option<Date>,
    /// The number of days, 366 at most: from `from` on, or until `to`.
    #[schemars(range(min = 1, max = Period::MAX_DAYS))]
    days: Option<u32>,
    /// What figures are summed up by; by day when left out.
    group_by: Option<SystemGroupBy>,
}

impl SystemGrouped {
    /// The days that are meant.
    fn period(&self) -> PeriodRequest {
        PeriodRequest {
            from: self.from,
            to: self.to,
            days: self.days,
        }
    }
}

/// What figures of everybody are summed up by.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SystemGroupBy {
    /// Days of the organizations in which was asked, oldest first.
    Day,
    /// Models that answered.
    Model,
    /// What the tokens were used for.
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

/// How far the sums have come.
#[derive(Serialize, JsonSchema)]
struct Freshness {
    /// When the newest use was that is in the sums; null when there is none.
    as_of: Option<Timestamp>,
    /// Seconds that it took from there into the sums.
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

/// Who joined, and what everybody used.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemStats {
    #[serde(flatten)]
    freshness: Freshness,
    #[serde(flatten)]
    summary: Summary,
    /// Accounts that were made on these days (UTC), without those that were deleted since.
    new_users: u64,
    /// Days on which something was used.
    active_days: usize,
    /// What for, the most tokens first.
    by_category: Vec<GroupView>,
    /// By model, the most tokens first.
    by_model: Vec<GroupView>,
    #[serde(flatten)]
    speed: Speed,
}

/// What everybody used.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemUsage {
    #[serde(flatten)]
    freshness: Freshness,
    #[serde(flatten)]
    report: ReportView,
}

/// How fast models answered everybody, and how often they failed.
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
    Query(wanted): Query<SystemGrouped>,
) -> Result<Json<SystemUsage>> {
    let report = app.platform_usage(wanted.period()).await?;
    Ok(Json(SystemUsage {
        freshness: (&report).into(),
        report: ReportView::of(&report.usage, wanted.group_by.map_or(GroupBy::Day, Into::into)),
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
