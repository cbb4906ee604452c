//! Limits on tokens and requests, where the caller stands, and statistics of what was used.

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
            "Get the limits that hold for the caller, and what is used of them.",
        )
        .get(
            "/tokens/rate-limit-check",
            tokens::check_rate_limit,
            "Get how many questions to models may be asked now; asking this counts for nothing.",
        )
        .get(
            "/tokens/alerts",
            tokens::list_token_alerts,
            "List when half, 80 and 100 percent of a daily limit were used, newest first.",
        )
        .get(
            "/tokens/usage",
            analytics::get_token_usage,
            "Get what the caller used, summed up by day or by what `group_by` names.",
        )
        .get(
            "/tokens/dashboard",
            dashboard::get_token_dashboard,
            "Get what the caller used today, in 7 and in 30 days, and the limits.",
        )
        .get(
            "/auth/stats",
            auth::get_usage_stats,
            "Get what the caller used, by category and model.",
        )
        .get(
            "/auth/model-stats",
            auth::get_model_stats,
            "Get what the caller used of each model, and how fast it answered.",
        )
        .get(
            "/auth/token-breakdown",
            auth::get_token_breakdown,
            "Get what the caller's tokens were used for.",
        )
        .get(
            "/auth/daily-model-stats",
            auth::get_daily_model_stats,
            "Get what the caller used of each model, by day.",
        )
        .get(
            "/ai/usage",
            org::get_ai_usage,
            "Get what the organization used; members see their own part.",
        )
        .get(
            "/analytics/usage",
            analytics::get_usage_analytics,
            "Get what the caller used, summed up by day or by what `group_by` names.",
        )
        .get(
            "/analytics/performance",
            analytics::get_performance_analytics,
            "Get how fast models answered the caller, and how often they failed.",
        )
        .get(
            "/analytics/export",
            export::export_analytics,
            "Get what the caller used, by day, category and model, as a file.",
        )
        .get(
            "/auth/admin/stats",
            system::get_system_stats,
            "Get who joined and what everybody used, by category and model; for platform admins.",
        )
        .get(
            "/analytics/system/usage",
            system::get_system_usage,
            "Get what everybody used, summed up by day or by what `group_by` names; for platform admins.",
        )
        .get(
            "/analytics/system/performance",
            system::get_system_performance,
            "Get how fast models answered everybody, and how often they failed; for platform admins.",
        )
}
