//! The limit that rejected a request, in headers
//! (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>) and in the problem body.

use std::time::Duration;

use domain::{LimitReached, Timestamp, TokenLimit};
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::Serialize;

const POLICY: &str = "ratelimit-policy";
const STATE: &str = "ratelimit";

/// Seconds in a day: the precise window is not constant, because some days have 23 hours, some 25.
const DAY: u64 = 86_400;

/// The limit that rejected the request.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProblemLimit")]
pub(crate) struct LimitView {
    /// What is limited: `tokens`, `requests`, or a resource of the plan: `chatbots`, `documents`, `storage_bytes`,
    /// `organizations`.
    kind: &'static str,
    /// What the limit applies to: `user`, `org`, `key`, `chatbot` or `network`.
    scope: &'static str,
    /// The maximum; for requests, per minute.
    limit: u64,
    /// How much is used; absent for requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    /// Tokens reserved for answers in progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<u64>,
    /// How much this request needs, or the least it may need; absent for requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<u64>,
    /// How much is left.
    remaining: u64,
    /// When the limit resets; absent if it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_at: Option<Timestamp>,
}

impl LimitView {
    pub(crate) fn of(reached: &LimitReached) -> Self {
        match reached {
            LimitReached::Tokens { limit, needed, .. } => Self {
                kind: "tokens",
                scope: limit.scope.name(),
                limit: limit.limit,
                used: Some(limit.used),
                reserved: Some(limit.reserved),
                needed: Some(*needed),
                remaining: limit.remaining(),
                resets_at: limit.resets_at,
            },
            LimitReached::Requests(rate_limit) => Self {
                kind: "requests",
                scope: rate_limit.policy,
                limit: rate_limit.per_minute.into(),
                used: None,
                reserved: None,
                needed: None,
                remaining: rate_limit.remaining.into(),
                resets_at: None,
            },
            LimitReached::Plan(limit) => Self {
                kind: limit.resource.name(),
                scope: limit.resource.scope(),
                limit: limit.limit,
                used: Some(limit.used),
                reserved: None,
                needed: Some(limit.needed),
                remaining: limit.limit.saturating_sub(limit.used),
                resets_at: None,
            },
        }
    }
}

/// Adds `RateLimit-Policy` and `RateLimit`.
pub(crate) fn add(reached: &LimitReached, wait: Option<Duration>, headers: &mut HeaderMap) {
    let wait = wait.unwrap_or_default().as_millis().div_ceil(1000);
    let (policy, state) = match reached {
        LimitReached::Tokens { limit, .. } => {
            let TokenLimit { scope, limit: most, .. } = limit;
            let name = format!("\"{}-tokens\"", scope.name());
            // A limit that never resets has no window and no reset time.
            let (window, reset) = match limit.resets_at {
                Some(_) => (format!(";w={DAY}"), format!(";t={wait}")),
                None => (String::new(), String::new()),
            };
            (
                format!("{name};q={most};qu=\"tokens\"{window}"),
                format!("{name};r={}{reset}", limit.remaining()),
            )
        }
        LimitReached::Requests(rate_limit) => {
            let name = format!("\"{}-requests\"", rate_limit.policy);
            (
                format!("{name};q={};w=60", rate_limit.per_minute),
                format!("{name};r={};t={wait}", rate_limit.remaining),
            )
        }
        // Waiting does not raise a limit of the plan.
        LimitReached::Plan(_) => return,
    };
    for (name, value) in [(POLICY, policy), (STATE, state)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Error, RateLimitStatus, TokenScope};

    use super::*;
    use crate::{Api, Message, Result, testing::Server};

    fn headers(reached: &LimitReached, seconds: u64) -> [String; 2] {
        let mut headers = HeaderMap::new();
        add(reached, Some(Duration::from_secs(seconds)), &mut headers);
        [POLICY, STATE].map(|name| String::from_utf8_lossy(headers[name].as_bytes()).into_owned())
    }

    fn tokens(resets_at: Option<Timestamp>) -> LimitReached {
        LimitReached::Tokens {
            limit: TokenLimit {
                scope: TokenScope::User,
                limit: 10_000,
                used: 9_000,
                reserved: 900,
                resets_at,
            },
            needed: 500,
            retry_after: Duration::ZERO,
        }
    }

    #[test]
    fn a_daily_limit_reports_what_is_left_and_when_it_resets() {
        assert_eq!(
            headers(&tokens(Some(Timestamp::UNIX_EPOCH)), 30),
            [
                r#""user-tokens";q=10000;qu="tokens";w=86400"#,
                r#""user-tokens";r=100;t=30"#
            ]
        );
    }

    #[test]
    fn a_budget_that_never_resets_has_no_window() {
        assert_eq!(
            headers(&tokens(None), 30),
            [r#""user-tokens";q=10000;qu="tokens""#, r#""user-tokens";r=100"#]
        );
    }

    #[test]
    fn a_rate_limit_is_in_requests_per_minute() {
        let rate_limit = RateLimitStatus {
            policy: "org",
            per_minute: 60,
            remaining: 0,
            retry_after: Duration::ZERO,
        };
        assert_eq!(
            headers(&LimitReached::Requests(rate_limit), 1),
            [r#""org-requests";q=60;w=60"#, r#""org-requests";r=0;t=1"#]
        );
    }

    async fn refuse() -> Result<Message> {
        Err(Error::Limit(Box::new(tokens(None))).into())
    }

    #[tokio::test]
    async fn a_rejection_is_a_429_that_names_the_limit() {
        let answer = Server::new(Api::new("Test").get("/refuse", refuse, ""))
            .get("/refuse")
            .await;
        let problem: serde_json::Value = serde_json::from_str(answer.text()).unwrap_or_default();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&429.into(), &"token_limit".into())
        );
        let limit = serde_json::json!({
            "kind": "tokens", "scope": "user", "limit": 10_000, "used": 9_000, "reserved": 900, "needed": 500,
            "remaining": 100,
        });
        assert_eq!(problem["limit"], limit);
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("ratelimit"), r#""user-tokens";r=100"#);
    }
}
