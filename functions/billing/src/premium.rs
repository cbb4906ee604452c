//! Features that not all plans include.

use std::collections::BTreeMap;

use app::UsageReport;
use domain::{
    AnswerCounters, Feature, GroupBy, Permission, Plan, UsageCounters,
    auth::permission::{ReadAccount, ReadOrg},
    usage::statistics::PeriodRequest,
};
use http_api::{Api, Ctx, Json, May, Query, Result};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::white_label;

pub(crate) fn api() -> Api {
    Api::new("Premium")
        .at("/api/v1")
        .get(
            "/premium/analytics",
            get_premium_analytics,
            "Get the analytics of the organization. Usage, cost, satisfaction and unanswered questions by day, chatbot and member, usage and cost by model; requires the \
             plan PRO or TEAM. Owners and admins see all of it, members their own part.",
        )
        .get(
            "/premium/white-label",
            white_label::get_white_label,
            "Get the white-label settings of the organization. Requires the plan TEAM.",
        )
        .put(
            "/premium/white-label",
            white_label::update_white_label,
            "Update the white-label settings of the organization. Replaces all of them; requires the plan TEAM.",
        )
        .get(
            "/premium/free-feature",
            get_free_feature,
            "Get the features of the current plan. Available on every plan.",
        )
}

/// Which days to report.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AnalyticsQuery {
    /// The first day, for example `2026-11-24`; if omitted, 30 days end with the last one. At most 366 days.
    from: Option<Date>,
    /// The last day, inclusive; today if omitted.
    to: Option<Date>,
    /// The number of days, at most 366: starting at `from`, or ending at `to`.
    #[schemars(range(min = 1, max = domain::Period::MAX_DAYS))]
    days: Option<u32>,
}

/// Usage and cost of some model calls.
#[derive(Serialize, JsonSchema)]
struct AnalyticsFigures {
    /// Number of model calls.
    requests: u64,
    /// Number of calls that failed.
    errors: u64,
    /// Tokens read and written.
    total_tokens: u64,
    /// Millionths of a US dollar at list prices; null if the price of a call is unknown.
    cost_micro_usd: Option<u64>,
    /// Cost of the calls whose prices are known.
    priced_cost_micro_usd: u64,
}

impl From<UsageCounters> for AnalyticsFigures {
    fn from(counters: UsageCounters) -> Self {
        Self {
            requests: counters.requests,
            errors: counters.errors,
            total_tokens: counters.total_tokens(),
            cost_micro_usd: counters.cost(),
            priced_cost_micro_usd: counters.cost_micro_usd,
        }
    }
}

/// What people thought of answers, and how many questions were not answered.
#[derive(Default, Serialize, JsonSchema)]
struct AnswerFigures {
    /// Answers that were rated as good.
    rated_up: u64,
    /// Answers that were rated as bad.
    rated_down: u64,
    /// Share of ratings that are good, from 0 to 1; null without ratings.
    satisfaction: Option<f64>,
    /// Questions that a chatbot answered with its refusal, because its documents do not answer them.
    unanswered: u64,
}

impl From<AnswerCounters> for AnswerFigures {
    #[expect(clippy::cast_precision_loss, reason = "a share of numbers of people's clicks")]
    fn from(counters: AnswerCounters) -> Self {
        let all = counters.up + counters.down;
        Self {
            rated_up: counters.up,
            rated_down: counters.down,
            satisfaction: (all > 0).then(|| counters.up as f64 / all as f64),
            unanswered: counters.unanswered,
        }
    }
}

/// Usage and cost of one group.
#[derive(Serialize, JsonSchema)]
struct AnalyticsGroup {
    /// The day, the model, or the ID; null for calls without a chatbot, and for those of users whose accounts were
    /// erased.
    name: Option<String>,
    #[serde(flatten)]
    figures: AnalyticsFigures,
    /// Null for models, to which ratings do not belong.
    answers: Option<AnswerFigures>,
}

/// The analytics of an organization. The groups of each dimension add up to the totals.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PremiumAnalytics {
    org_id: String,
    /// Whether it covers all members; otherwise the caller only.
    covers_organization: bool,
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
    totals: AnalyticsFigures,
    answers: AnswerFigures,
    by_day: Vec<AnalyticsGroup>,
    by_chatbot: Vec<AnalyticsGroup>,
    by_user: Vec<AnalyticsGroup>,
    by_model: Vec<AnalyticsGroup>,
}

async fn get_premium_analytics(
    app: Ctx,
    member: May<ReadAccount>,
    Query(query): Query<AnalyticsQuery>,
) -> Result<Json<PremiumAnalytics>> {
    app.require_feature(&member.org.org, Feature::Analytics).await?;
    let permission = Permission::ReadOrgUsage;
    let whole = permission.is_granted_to(member.org.role) && member.identity.reaches(permission);
    let period = PeriodRequest {
        from: query.from,
        to: query.to,
        days: query.days,
    };
    let report = app.org_usage(&member.org, whole, period).await?;
    Ok(Json(PremiumAnalytics {
        org_id: member.org.org.to_string(),
        covers_organization: whole,
        from: report.period.from,
        to: report.period.to,
        totals: report.statistics.total().into(),
        answers: report.statistics.answers().into(),
        by_day: groups(&report, GroupBy::Day),
        by_chatbot: groups(&report, GroupBy::Chatbot),
        by_user: groups(&report, GroupBy::User),
        by_model: groups(&report, GroupBy::Model),
    }))
}

fn groups(report: &UsageReport, by: GroupBy) -> Vec<AnalyticsGroup> {
    let mut answers: BTreeMap<Option<String>, AnswerCounters> = report.statistics.answers_by(by).into_iter().collect();
    let has_answers = matches!(by, GroupBy::Day | GroupBy::User | GroupBy::Chatbot);
    let mut groups: Vec<(Option<String>, UsageCounters, AnswerCounters)> = report
        .statistics
        .by(by)
        .into_iter()
        .map(|(name, counters)| {
            let rated = answers.remove(&name).unwrap_or_default();
            (name, counters, rated)
        })
        .collect();
    // Answers may be rated on a day without usage, or of a chatbot whose usage is in the group without a name.
    groups.extend(
        answers
            .into_iter()
            .map(|(name, rated)| (name, UsageCounters::default(), rated)),
    );
    if by == GroupBy::Day {
        groups.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    }
    let view = |(name, counters, rated): (Option<String>, UsageCounters, AnswerCounters)| AnalyticsGroup {
        name,
        figures: counters.into(),
        answers: has_answers.then(|| rated.into()),
    };
    groups.into_iter().map(view).collect()
}

/// The features of a plan.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FreeFeature {
    /// What this is.
    message: &'static str,
    /// The plan of the organization.
    plan_type: Plan,
    /// Features that the organization has.
    features: Vec<Feature>,
    /// Features that a larger plan adds.
    locked_features: Vec<LockedFeature>,
}

/// A feature of a larger plan.
#[derive(Serialize, JsonSchema)]
struct LockedFeature {
    feature: Feature,
    /// The smallest plan that includes it.
    required_plan_type: Plan,
}

async fn get_free_feature(app: Ctx, member: May<ReadOrg>) -> Result<Json<FreeFeature>> {
    let own = app.entitlements(&member.org.org).await?.own;
    let locked = Feature::ALL.into_iter().filter(|feature| !own.includes(*feature));
    Ok(Json(FreeFeature {
        message: "This feature is part of every plan.",
        plan_type: own.plan,
        features: own.features(),
        locked_features: locked
            .map(|feature| LockedFeature {
                feature,
                required_plan_type: feature.smallest_plan(),
            })
            .collect(),
    }))
}
