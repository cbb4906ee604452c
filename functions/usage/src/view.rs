//! Queries and reports of statistics.

use app::UsageReport;
use domain::{
    GroupBy, Histogram, Period, UsageCounters,
    usage::statistics::{Group, PeriodRequest, Times},
};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which days to report.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PeriodQuery {
    /// The first day, for example `2026-11-24`; if omitted, 30 days end with the last one. At most 366 days.
    pub(crate) from: Option<Date>,
    /// The last day, inclusive; today if omitted.
    pub(crate) to: Option<Date>,
    /// The number of days, at most 366: starting at `from`, or ending at `to`.
    #[schemars(range(min = 1, max = Period::MAX_DAYS))]
    pub(crate) days: Option<u32>,
}

impl PeriodQuery {
    /// Returns the requested days.
    pub(crate) fn period(&self) -> PeriodRequest {
        PeriodRequest {
            from: self.from,
            to: self.to,
            days: self.days,
        }
    }
}

/// Which days to report, and how to group them.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Grouped {
    /// The first day, for example `2026-11-24`; if omitted, 30 days end with the last one. At most 366 days.
    pub(crate) from: Option<Date>,
    /// The last day, inclusive; today if omitted.
    pub(crate) to: Option<Date>,
    /// The number of days, at most 366: starting at `from`, or ending at `to`.
    #[schemars(range(min = 1, max = Period::MAX_DAYS))]
    pub(crate) days: Option<u32>,
    /// How to group the counters; by day if omitted.
    pub(crate) group_by: Option<GroupBy>,
}

impl Grouped {
    /// Returns the requested days.
    pub(crate) fn period(&self) -> PeriodRequest {
        PeriodRequest {
            from: self.from,
            to: self.to,
            days: self.days,
        }
    }
}

/// Counters of some model calls.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageFigures")]
pub(crate) struct FiguresView {
    /// Number of model calls.
    requests: u64,
    /// Number of calls that failed.
    errors: u64,
    /// Tokens read and written.
    total_tokens: u64,
    /// Tokens read.
    prompt_tokens: u64,
    /// Tokens written.
    completion_tokens: u64,
    /// Tokens read from a provider's cache; included in `prompt_tokens`.
    cached_tokens: u64,
    /// Millionths of a US dollar at list prices; null if the price of a call is unknown.
    cost_micro_usd: Option<u64>,
    /// Cost of the calls whose prices are known.
    priced_cost_micro_usd: u64,
    /// Number of calls whose prices are unknown.
    unpriced_requests: u64,
    /// Number of calls with estimated tokens, because the provider did not report them.
    estimated_requests: u64,
}

impl From<UsageCounters> for FiguresView {
    fn from(counters: UsageCounters) -> Self {
        Self {
            requests: counters.requests,
            errors: counters.errors,
            total_tokens: counters.total_tokens(),
            prompt_tokens: counters.prompt_tokens,
            completion_tokens: counters.completion_tokens,
            cached_tokens: counters.cached_tokens,
            cost_micro_usd: counters.cost(),
            priced_cost_micro_usd: counters.cost_micro_usd,
            unpriced_requests: counters.unpriced,
            estimated_requests: counters.estimated,
        }
    }
}

/// Counters of one group.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageGroup")]
pub(crate) struct GroupView {
    /// The day, the model, the category, or the ID; null for calls without an API key or a chatbot, and for those of
    /// users whose accounts were erased.
    name: Option<String>,
    #[serde(flatten)]
    counters: FiguresView,
}

impl From<Group> for GroupView {
    fn from((name, counters): Group) -> Self {
        Self {
            name,
            counters: counters.into(),
        }
    }
}

/// Total usage in a period.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageSummary")]
pub(crate) struct Summary {
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
    /// The total.
    totals: FiguresView,
    /// Models whose prices are unknown for some of their calls.
    unpriced_models: Vec<String>,
}

impl From<&UsageReport> for Summary {
    fn from(report: &UsageReport) -> Self {
        Self {
            from: report.period.from,
            to: report.period.to,
            totals: report.statistics.total().into(),
            unpriced_models: report.statistics.unpriced_models(),
        }
    }
}

/// Usage in a period, by groups that add up to the total.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageReport")]
pub(crate) struct ReportView {
    #[serde(flatten)]
    summary: Summary,
    /// What the usage is grouped by.
    group_by: GroupBy,
    /// Days oldest first, without those that have no usage; other groups with the most tokens first.
    groups: Vec<GroupView>,
}

impl ReportView {
    pub(crate) fn of(report: &UsageReport, group_by: GroupBy) -> Self {
        Self {
            summary: report.into(),
            group_by,
            groups: groups(report, group_by),
        }
    }
}

/// The groups of a report.
pub(crate) fn groups(report: &UsageReport, by: GroupBy) -> Vec<GroupView> {
    report.statistics.by(by).into_iter().map(GroupView::from).collect()
}

/// Times of successful answers in milliseconds, accurate within 10 percent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Percentiles {
    /// Number of timed answers.
    count: u64,
    /// Median; null without answers.
    p50_ms: Option<u64>,
    /// 95th percentile; null without answers.
    p95_ms: Option<u64>,
}

impl From<&Histogram> for Percentiles {
    fn from(times: &Histogram) -> Self {
        Self {
            count: times.0.values().sum(),
            p50_ms: times.percentile(50),
            p95_ms: times.percentile(95),
        }
    }
}

/// Latencies of answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Speed {
    /// From the request to the end of the answer.
    latency: Percentiles,
    /// From the request to the first words of the answer.
    time_to_first_token: Percentiles,
}

impl From<&Times> for Speed {
    fn from(times: &Times) -> Self {
        Self {
            latency: (&times.latency).into(),
            time_to_first_token: (&times.first_token).into(),
        }
    }
}
