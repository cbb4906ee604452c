//! `/analytics/*` and `/tokens/usage`: the caller's usage, and the performance of models.

use std::collections::BTreeMap;

use app::UsageReport;
use domain::{
    GroupBy,
    auth::permission::ReadAccount,
    usage::statistics::{Group, Times},
};
use http_api::{Ctx, Json, May, Query, Result};
use schemars::JsonSchema;
use serde::Serialize;

use crate::view::{Grouped, PeriodQuery, ReportView, Speed};

/// The latencies and error rates of models.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PerformanceReport {
    /// The first day.
    from: jiff::civil::Date,
    /// The last day.
    to: jiff::civil::Date,
    /// All calls.
    totals: Performance,
    /// By model, most tokens first.
    models: Vec<NamedPerformance>,
    /// By day, oldest first; days without usage are omitted.
    days: Vec<NamedPerformance>,
}

/// Latencies and error rate of a group of calls.
#[derive(Serialize, JsonSchema)]
struct Performance {
    /// Number of model calls.
    requests: u64,
    /// Number of calls that failed.
    errors: u64,
    /// Percentage of failed calls; null without calls.
    error_percent: Option<f64>,
    #[serde(flatten)]
    speed: Speed,
}

/// Performance of a model or on a day.
#[derive(Serialize, JsonSchema)]
struct NamedPerformance {
    /// The model, or the day.
    name: Option<String>,
    #[serde(flatten)]
    performance: Performance,
}

impl Performance {
    fn of(requests: u64, errors: u64, times: &Times) -> Self {
        // Two decimals, enough for display.
        let share = errors.saturating_mul(10_000).checked_div(requests);
        let share = share.and_then(|share| u32::try_from(share).ok());
        Self {
            requests,
            errors,
            error_percent: share.map(|share| f64::from(share) / 100.0),
            speed: times.into(),
        }
    }
}

impl PerformanceReport {
    pub(crate) fn of(report: &UsageReport) -> Self {
        let UsageReport { period, statistics, .. } = report;
        let total = statistics.total();
        let by_model = statistics.times_by(|_, model| model.to_owned());
        let by_day = statistics.times_by(|date, _| date.to_string());
        Self {
            from: period.from,
            to: period.to,
            totals: Performance::of(total.requests, total.errors, &statistics.times()),
            models: performances(statistics.by(GroupBy::Model), by_model),
            days: performances(statistics.by(GroupBy::Day), by_day),
        }
    }
}

fn performances(groups: Vec<Group>, mut times: BTreeMap<String, Times>) -> Vec<NamedPerformance> {
    let groups = groups.into_iter();
    groups
        .map(|(name, counters)| {
            let times = name.as_ref().and_then(|name| times.remove(name)).unwrap_or_default();
            NamedPerformance {
                name,
                performance: Performance::of(counters.requests, counters.errors, &times),
            }
        })
        .collect()
}

async fn report(app: &Ctx, member: &May<ReadAccount>, query: &Grouped) -> Result<Json<ReportView>> {
    let report = app.own_usage(&member.identity, &member.org, query.period());
    let by = query.group_by.unwrap_or(GroupBy::Day);
    Ok(Json(ReportView::of(&report.await?, by)))
}

pub(crate) async fn get_token_usage(
    app: Ctx,
    member: May<ReadAccount>,
    Query(query): Query<Grouped>,
) -> Result<Json<ReportView>> {
    report(&app, &member, &query).await
}

pub(crate) async fn get_usage_analytics(
    app: Ctx,
    member: May<ReadAccount>,
    Query(query): Query<Grouped>,
) -> Result<Json<ReportView>> {
    report(&app, &member, &query).await
}

pub(crate) async fn get_performance_analytics(
    app: Ctx,
    member: May<ReadAccount>,
    Query(days): Query<PeriodQuery>,
) -> Result<Json<PerformanceReport>> {
    let report = app.own_usage(&member.identity, &member.org, days.period());
    Ok(Json(PerformanceReport::of(&report.await?)))
}
