//! Limits on tokens and requests, current usage, and statistics.

mod analytics;
mod auth;
mod dashboard;
mod export;
mod org;
mod parquet_file;
mod system;
mod tokens;
mod view;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Usage")
        .at("/api/v1")
        .get(
            "/tokens/limits",
            tokens::get_token_limits,
            "Get the caller's token limits. With the used and the reserved tokens of each.",
        )
        .get(
            "/tokens/rate-limit-check",
            tokens::check_rate_limit,
            "Get the caller's request rate limits. How many model requests are left now; this request does not \
             count.",
        )
        .get(
            "/tokens/alerts",
            tokens::list_token_alerts,
            "List the caller's token alerts. When 50, 80 and 100 percent of a daily limit were used, newest \
             first.",
        )
        .get(
            "/tokens/usage",
            analytics::get_token_usage,
            "Get the caller's token usage. Summed up by day, or by `group_by`.",
        )
        .get(
            "/tokens/dashboard",
            dashboard::get_token_dashboard,
            "Get a summary of the caller's usage. Today, 7 and 30 days, and the limits.",
        )
        .get(
            "/auth/stats",
            auth::get_usage_stats,
            "Get statistics of the caller's usage. By category and model.",
        )
        .get(
            "/auth/model-stats",
            auth::get_model_stats,
            "Get statistics of the models that the caller used. With usage and latencies of each.",
        )
        .get(
            "/auth/token-breakdown",
            auth::get_token_breakdown,
            "Get the caller's token usage by category. With the share of each.",
        )
        .get(
            "/auth/daily-model-stats",
            auth::get_daily_model_stats,
            "Get the caller's model usage by day. One entry for each day and model.",
        )
        .get(
            "/ai/usage",
            org::get_ai_usage,
            "Get the usage of the organization. Its owners and admins see all of it, members their own part. An API \
             key needs the scope `usage:org` for all of it. Days are the organization's; a day here need not hold \
             the same calls as in `tokens/usage`, since days of different time zones begin at different times. The \
             period is 30 days until today unless `from` and `to` are given, at most 366.",
        )
        .get(
            "/analytics/usage",
            analytics::get_usage_analytics,
            "Get analytics of the caller's usage. Summed up by day, or by `group_by`.",
        )
        .get(
            "/analytics/performance",
            analytics::get_performance_analytics,
            "Get the performance of models for the caller. Their latencies and error rates.",
        )
        .get(
            "/analytics/export",
            export::export_analytics,
            "Export the caller's usage. By day, category and model, as JSON, CSV or Parquet. Files above 4 MB, and \
             all with `delivery=link`, are returned by a link to the bucket (303), valid for 15 minutes. In CSV, a \
             model name that a spreadsheet would execute is prefixed with `'`.",
        )
        .get(
            "/auth/admin/stats",
            system::get_system_stats,
            "Get statistics of the platform. New accounts, and the usage by category and model. Contains no names. \
             Days are those of the organizations; the last one is today in UTC unless `to` is given. `as_of` is the \
             time of the newest usage, `lag_seconds` how long it took to be counted. Usage stays after an erasure, \
             so a model that is not in the price list counts as `other`.",
        )
        .get(
            "/analytics/system/usage",
            system::get_system_usage,
            "Get the usage of the platform. Summed up by day, or by `group_by`. Contains no names. Days are those of \
             the organizations; the last one is today in UTC unless `to` is given. `as_of` is the time of the newest \
             usage, `lag_seconds` how long it took to be counted. Usage stays after an erasure, so a model that is \
             not in the price list counts as `other`.",
        )
        .get(
            "/analytics/system/performance",
            system::get_system_performance,
            "Get the performance of models on the platform. Their latencies and error rates.",
        )
}
