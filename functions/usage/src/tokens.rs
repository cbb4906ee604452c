//! `/tokens/*`: limits and current usage.

use app::{Alert, BillingContext};
use domain::{Plan, RateLimitStatus, Timestamp, TokenLimit, TokenScope, auth::permission::ReadAccount};
use http_api::{Ctx, Json, May, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The limits that apply to the caller in the current organization.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenLimits {
    user_id: String,
    org_id: String,
    plan: Plan,
    /// Tokens that may still be used today: the minimum of what the limits leave.
    remaining: u64,
    /// Token limits.
    limits: Vec<LimitView>,
    /// Model requests per minute that the organization may send.
    requests_per_minute: u32,
}

/// A token limit.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenLimit")]
pub(crate) struct LimitView {
    /// What it limits: a user per day, an organization per day, or an API key in total.
    scope: TokenScope,
    /// Maximum number of tokens.
    limit: u64,
    /// Tokens used.
    used: u64,
    /// Tokens reserved for answers in progress.
    reserved: u64,
    /// Tokens left.
    remaining: u64,
    /// When it resets; null if it never does.
    resets_at: Option<Timestamp>,
}

impl From<TokenLimit> for LimitView {
    fn from(limit: TokenLimit) -> Self {
        Self {
            remaining: limit.remaining(),
            scope: limit.scope,
            limit: limit.limit,
            used: limit.used,
            reserved: limit.reserved,
            resets_at: limit.resets_at,
        }
    }
}

/// Whether a model request may be sent now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RateLimitCheck {
    /// Whether one may be sent.
    allowed: bool,
    /// Requests per minute of the limit that leaves the fewest.
    limit: u32,
    /// Requests left now.
    remaining: u32,
    /// Seconds until a request may be sent; 0 if it may be sent now.
    retry_after: u64,
    /// All rate limits.
    policies: Vec<RateLimitView>,
}

/// A rate limit.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RateLimitPolicy")]
struct RateLimitView {
    /// What it limits: `user`, `org` or `key`.
    scope: &'static str,
    /// Requests per minute.
    limit: u32,
    /// Requests left now.
    remaining: u32,
    /// Seconds until a request may be sent; 0 if it may be sent now.
    retry_after: u64,
}

impl From<RateLimitStatus> for RateLimitView {
    fn from(rate_limit: RateLimitStatus) -> Self {
        Self {
            scope: rate_limit.policy,
            limit: rate_limit.per_minute,
            remaining: rate_limit.remaining,
            retry_after: u64::try_from(rate_limit.retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX),
        }
    }
}

/// An alert that a share of a daily limit was used.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenAlert {
    /// Whose limit: the caller's own or the organization's.
    scope: TokenScope,
    /// The day, in the time zone of its organization.
    date: String,
    /// The share: 50, 80 or 100.
    percent: u8,
    /// Tokens used at that time.
    used: u64,
    /// The limit at that time.
    limit: u64,
    /// When the limit resets.
    resets_at: Timestamp,
    /// When the share was reached.
    created_at: Timestamp,
}

impl From<Alert> for TokenAlert {
    fn from(alert: Alert) -> Self {
        Self {
            scope: alert.scope,
            date: alert.day.to_string(),
            percent: alert.percent,
            used: alert.used,
            limit: alert.limit,
            resets_at: alert.resets_at,
            created_at: alert.at,
        }
    }
}

pub(crate) async fn get_token_limits(app: Ctx, member: May<ReadAccount>) -> Result<Json<TokenLimits>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let own = app.org_of(&member.org).await?;
    let requests_per_minute = own.org.entitlements(app.clock.now()).limits.requests_per_minute;
    let limits = app.token_limits(&billing).await?;
    let remaining = limits.iter().map(TokenLimit::remaining).min();
    Ok(Json(TokenLimits {
        user_id: billing.user.0,
        org_id: own.org.id.0,
        plan: own.org.plan,
        remaining: remaining.unwrap_or_default(),
        limits: limits.into_iter().map(LimitView::from).collect(),
        requests_per_minute,
    }))
}

pub(crate) async fn check_rate_limit(app: Ctx, member: May<ReadAccount>) -> Result<Json<RateLimitCheck>> {
    let rate_limits = app
        .rate_limits(&BillingContext::of(&member.identity, &member.org))
        .await?;
    let policies: Vec<_> = rate_limits.into_iter().map(RateLimitView::from).collect();
    let tightest = policies.iter().min_by_key(|rate_limit| rate_limit.remaining);
    Ok(Json(RateLimitCheck {
        allowed: tightest.is_none_or(|rate_limit| rate_limit.remaining > 0),
        limit: tightest.map_or(0, |rate_limit| rate_limit.limit),
        remaining: tightest.map_or(0, |rate_limit| rate_limit.remaining),
        retry_after: policies
            .iter()
            .map(|rate_limit| rate_limit.retry_after)
            .max()
            .unwrap_or_default(),
        policies,
    }))
}

pub(crate) async fn list_token_alerts(app: Ctx, member: May<ReadAccount>) -> Result<Json<Vec<TokenAlert>>> {
    let alerts = app.token_alerts(&member.org).await?;
    Ok(Json(alerts.into_iter().map(TokenAlert::from).collect()))
}
