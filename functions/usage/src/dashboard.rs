//! `/tokens/dashboard`: a summary of the caller's tokens for a page.

use app::BillingContext;
use domain::{GroupBy, Period, auth::permission::ReadAccount, usage::statistics::PeriodRequest};
use http_api::{Ctx, Json, May, Result};
use jiff::{ToSpan as _, civil::Date};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    tokens::LimitView,
    view::{FiguresView, GroupView, Summary, groups},
};

/// The caller's recent usage, and current limits.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenDashboard {
    #[serde(flatten)]
    summary: Summary,
    /// Today's date.
    date: Date,
    /// Today's usage.
    today: FiguresView,
    /// Usage of the last seven days, including today.
    last_7_days: FiguresView,
    /// Oldest first; days without usage are omitted.
    by_day: Vec<GroupView>,
    /// Most tokens first.
    by_model: Vec<GroupView>,
    /// Most tokens first.
    by_category: Vec<GroupView>,
    /// Token limits in the current organization.
    limits: Vec<LimitView>,
}

pub(crate) async fn get_token_dashboard(app: Ctx, member: May<ReadAccount>) -> Result<Json<TokenDashboard>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let report = app
        .own_usage(&member.identity, &member.org, PeriodRequest::default())
        .await?;
    let limits = app.token_limits(&billing).await?;
    let (today, used) = (report.today, &report.statistics);
    let week = Period {
        from: today.saturating_sub(6.days()),
        to: today,
    };
    Ok(Json(TokenDashboard {
        summary: (&report).into(),
        date: today,
        today: used.within(Period::day(today)).into(),
        last_7_days: used.within(week).into(),
        by_day: groups(&report, GroupBy::Day),
        by_model: groups(&report, GroupBy::Model),
        by_category: groups(&report, GroupBy::Category),
        limits: limits.into_iter().map(LimitView::from).collect(),
    }))
}
