//! Limits on tokens and requests, and where the caller stands.

mod tokens;

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
}
