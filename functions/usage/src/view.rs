//! How statistics are asked for and shown.

use app::UsageReport;
use domain::{
    GroupBy, Histogram, Period, UsageCounters,
    usage::statistics::{Group, PeriodRequest, Times},
};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which days are wanted.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PeriodQuery {
    /// The first day, as in `2026-11-24`; 30 days with the last one when left out. At most 366 days are told of.
    pub(crate) from: Option<Date>,
    /// The last day, included; today when left out.
    pub(crate) to: Option<Date>,
    /// The number of days, 366 at most: from `from` on, or until `to`.
    #[schemars(range(min = 1, max = Period::MAX_DAYS))]
    pub(crate) days: Option<u32>,
}

impl PeriodQuery {
    /// The days that are meant.
    pub(crate) fn period(&self) -> PeriodRequest {
        PeriodRequest {
            from: self.from,
            to: self.to,
            days: self.days,
        }
    }
}

/// Which days are wanted, and how they are summed up.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Grouped {
    /// The first day, as in `2026-11-24`; 30 days with the last one when left out. At most 366 days are told of.
    pub(crate) from: Option<Date>,
    /// The last day, included; today when left out.
    pub(crate) to: Option<Date>,
    /// The number of days, 366 at most: from `from` on, or until `to`.
    #[schemars(range(min = 1, max = Period::MAX_DAYS))]
    pub(crate) days: Option<u32>,
    /// What figures are summed up by; by day when left out.
    pub(crate) group_by: Option<GroupBy>,
}

impl Grouped {
    /// The days that are meant.
    pub(crate) fn period(&self) -> PeriodRequest {
        PeriodRequest {
            from: self.from,
            to: self.to,
            days: self.days,
        }
    }
}

/// Figures of some calls of models.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageFigures")]
pub(crate) struct FiguresView {
    /// Calls of models.
    requests: u64,
    /// Calls that ended with an error.
    errors: u64,
    /// Tokens read and written.
    total_tokens: u64,
    /// Tokens read.
    prompt_tokens: u64,
    /// Tokens written.
    completion_tokens: u64,
    /// Tokens read from a provider's cache; part of `prompt_tokens`.
    cached_tokens: u64,
    /// Millionths of a US dollar at list prices; null when the price of a call is not known.
    cost_micro_usd: Option<u64>,
    /// The cost of the calls whose prices are known.
    priced_cost_micro_usd: u64,
    /// Calls whose prices are not known.
    unpriced_requests: u64,
    /// Calls whose tokens were estimated, because the provider did not tell.
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

/// Figures of one group.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageGroup")]
pub(crate) struct GroupView {
    /// The day, the model, the category, or the id; null for calls without an API key or a chatbot, and for those of
    /// people whose accounts were erased.
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

/// What was used in a period, in all.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageSummary")]
pub(crate) struct Summary {
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
    /// All of it.
    totals: FiguresView,
    /// Models whose price is not known for all of their calls.
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

/// What was used in a period, by groups that add up to the whole.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageReport")]
pub(crate) struct ReportView {
    #[serde(flatten)]
    summary: Summary,
    /// What the groups are.
    group_by: GroupBy,
    /// Days oldest first, those without use left out; others with the most tokens first.
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

/// Times of answers that ended well, milliseconds; right within 10 percent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Percentiles {
    /// Answers that were timed.
    count: u64,
    /// Half of them took no longer; null without any.
    p50_ms: Option<u64>,
    /// 95 percent of them took no longer; null without any.
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

/// How fast answers came.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Speed {
    /// From the question to the end of the answer.
    latency: Percentiles,
    /// From the question to the first words of the answer.
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
