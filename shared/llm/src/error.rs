//! How a model call fails.
//!
//! Every variant has two texts: `Display` is for the log and may contain what the provider said;
//! [`ModelError::public_detail`] is a sentence for the user. Of the provider's text it contains only an objection to
//! the request, without secrets.

use std::time::Duration;

use domain::{Error, UpstreamKind};

use crate::Provider;
use crate::rejection::{Rejection, RejectionReason};

/// A failed model call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No key is configured for the provider.
    #[error("provider {provider} is not configured")]
    NotConfigured {
        /// The provider.
        provider: Provider,
    },
    /// The connection failed, or broke before the answer began.
    #[error("the provider could not be reached: {detail}")]
    Unreachable {
        /// The HTTP client's error.
        detail: String,
    },
    /// The provider took longer than [`TimeLimits`](crate::TimeLimits) allows.
    #[error("the provider timed out: {what}")]
    TimedOut {
        /// The limit that was exceeded.
        what: TimeLimit,
    },
    /// Too many requests (429); the same request may succeed later.
    #[error("the provider rate-limits the request, retry after {retry_after:?}")]
    RateLimited {
        /// The provider's `Retry-After`, if any.
        retry_after: Option<Duration>,
    },
    /// The account has no credit left (`insufficient_quota`); retrying does not help.
    #[error("the account's quota at the provider is used up: {detail}")]
    QuotaExhausted {
        /// The provider's message.
        detail: String,
    },
    /// The provider is overloaded, and says when to retry (503, 529).
    #[error("the provider is overloaded, retry after {retry_after:?}: {detail}")]
    Overloaded {
        /// The provider's `Retry-After`.
        retry_after: Duration,
        /// The provider's message, shortened.
        detail: String,
    },
    /// The provider responded with an error.
    #[error("the provider refused with status {status}: {detail}")]
    Refused {
        /// The HTTP status, or the one that the provider named inside the stream.
        status: u16,
        /// The provider's message, shortened.
        detail: String,
    },
    /// The provider objects to the request itself: only its sender can fix it.
    #[error("the provider rejected the request as {}: {}", .0.reason.code(), .0.detail)]
    Rejected(Rejection),
    /// The response violates the protocol.
    #[error("the provider's answer is malformed: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// The circuit breaker is open after repeated failures.
    #[error("the circuit breaker of the provider is open for {retry_after:?} after repeated failures")]
    Unavailable {
        /// When the next call is allowed.
        retry_after: Duration,
    },
    /// The provider failed in the middle of an answer.
    #[error("the provider interrupted the answer: {detail}")]
    Interrupted {
        /// The provider's message, shortened.
        detail: String,
    },
    /// The stream ended without its end mark: the answer may be incomplete.
    #[error("the provider's answer was cut off")]
    Cut,
    /// The answer has no text, and no reason for that.
    #[error("the provider's answer is empty")]
    Empty,
}

/// The time limit that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// Connecting.
    Connect,
    /// Up to a sign of life before the first piece of text or thinking.
    FirstToken,
    /// Up to the next sign of life after it.
    BetweenTokens,
    /// The whole answer.
    Total,
}

impl std::fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::FirstToken => "waiting for the first token",
            Self::BetweenTokens => "waiting for the next token",
            Self::Total => "the whole answer",
        })
    }
}

impl ModelError {
    /// Returns the stable `snake_case` code for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => "provider_not_configured",
            Self::Unreachable { .. } => "provider_unreachable",
            Self::TimedOut { .. } => "provider_timed_out",
            Self::RateLimited { .. } => "provider_rate_limited",
            Self::QuotaExhausted { .. } => "provider_quota_exhausted",
            Self::Refused { status: 401 | 403, .. } => "provider_key_refused",
            Self::Refused { status: 500.., .. } | Self::Interrupted { .. } => "provider_failed",
            Self::Refused { .. } => "provider_refused",
            Self::Rejected(rejection) => rejection.reason.code(),
            Self::Empty => "provider_answer_empty",
            Self::Malformed { .. } => "provider_answer_malformed",
            Self::Overloaded { .. } => "provider_overloaded",
            Self::Unavailable { .. } => "provider_unavailable",
            Self::Cut => "provider_answer_cut",
        }
    }

    /// Returns the same error for the middle of an answer: what would be a refusal at its start interrupts it there,
    /// and retrying cannot repair it.
    pub(crate) fn interrupted(self) -> Self {
        match self {
            Self::Refused { detail, .. } | Self::Overloaded { detail, .. } => Self::Interrupted { detail },
            Self::RateLimited { .. } => Self::Interrupted {
                detail: "rate limit exceeded".to_owned(),
            },
            // Reported late, but the request still has to be fixed.
            other => other,
        }
    }

    /// Returns whether the failure is the provider's, so that another call right now is likely to fail too.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500,
            Self::TimedOut { what } => *what != TimeLimit::Total,
            Self::Unreachable { .. }
            | Self::Overloaded { .. }
            | Self::Malformed { .. }
            | Self::Interrupted { .. }
            | Self::Cut => true,
            Self::NotConfigured { .. }
            | Self::RateLimited { .. }
            | Self::QuotaExhausted { .. }
            | Self::Unavailable { .. }
            // Invalid requests do not open a circuit breaker.
            | Self::Rejected(_)
            | Self::Empty => false,
        }
    }

    /// Returns whether another model may succeed: always, unless the request itself is wrong.
    pub(crate) fn is_elsewhere_better(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500 || matches!(status, 401 | 403 | 404 | 408),
            Self::Rejected(rejection) => rejection.reason == RejectionReason::ModelNotFound,
            _ => true,
        }
    }

    /// Returns a sentence for the user: the provider's objection without its secrets, or one of ours.
    pub fn public_detail(&self) -> &str {
        match self {
            Self::NotConfigured { .. } => "The model's provider is not configured. An administrator must add a key.",
            Self::Unreachable { .. } => "The model's provider could not be reached. Try again shortly.",
            Self::TimedOut { .. } => "The model did not respond in time. Try again.",
            Self::RateLimited { .. } | Self::Overloaded { .. } => "The model's provider is busy. Try again shortly.",
            Self::QuotaExhausted { .. } => {
                "The account at the model's provider has no quota left. An administrator must add credit."
            }
            Self::Refused { status: 401 | 403, .. } => {
                "The model's provider rejects the configured key. An administrator must replace it."
            }
            Self::Refused { status: 404, .. } => {
                "The configured URL of the model's provider does not exist. An administrator must correct it."
            }
            Self::Refused { status: 500.., .. } => "The model's provider failed. Try again.",
            Self::Refused { .. } => "The model's provider refused the request.",
            Self::Malformed { .. } => "The model's provider sent an invalid response. Try again.",
            Self::Rejected(rejection) => &rejection.detail,
            Self::Empty => "The model returned no answer. Try again.",
            Self::Unavailable { .. } => "The model's provider is currently unavailable. Try again shortly.",
            Self::Interrupted { .. } | Self::Cut => "The answer was cut off before its end. Try again.",
        }
    }
}

impl From<ModelError> for Error {
    /// Contains only what the caller may see: log the [`ModelError`] first.
    fn from(error: ModelError) -> Self {
        if let ModelError::Rejected(Rejection { reason, param, detail }) = error {
            return Self::ModelRequest {
                is_missing: reason == RejectionReason::ModelNotFound,
                code: reason.code(),
                detail,
                param,
            };
        }
        let kind = match &error {
            ModelError::TimedOut { .. } => UpstreamKind::TimedOut,
            ModelError::NotConfigured { .. }
            | ModelError::Unreachable { .. }
            | ModelError::RateLimited { .. }
            | ModelError::QuotaExhausted { .. }
            | ModelError::Overloaded { .. }
            | ModelError::Unavailable { .. }
            | ModelError::Refused { status: 401 | 403, .. } => UpstreamKind::Unavailable,
            ModelError::Refused { .. }
            | ModelError::Malformed { .. }
            | ModelError::Rejected(_)
            | ModelError::Interrupted { .. }
            | ModelError::Empty
            | ModelError::Cut => UpstreamKind::BadAnswer,
        };
        let retry_after = match &error {
            ModelError::RateLimited { retry_after } => *retry_after,
            ModelError::Unavailable { retry_after } | ModelError::Overloaded { retry_after, .. } => Some(*retry_after),
            _ => None,
        };
        Self::Upstream {
            kind,
            code: error.code(),
            retry_after,
            detail: error.public_detail().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_said_never_reaches_the_caller() {
        let provider = Provider::OpenAi;
        let not_configured = ModelError::NotConfigured { provider };
        let detail = || "internal host 10.0.0.7".to_owned();
        for (error, expected, code) in [
            (not_configured, UpstreamKind::Unavailable, "provider_not_configured"),
            (
                ModelError::Unreachable { detail: detail() },
                UpstreamKind::Unavailable,
                "provider_unreachable",
            ),
            (
                ModelError::TimedOut { what: TimeLimit::Total },
                UpstreamKind::TimedOut,
                "provider_timed_out",
            ),
            (
                ModelError::RateLimited { retry_after: None },
                UpstreamKind::Unavailable,
                "provider_rate_limited",
            ),
            (
                ModelError::QuotaExhausted { detail: detail() },
                UpstreamKind::Unavailable,
                "provider_quota_exhausted",
            ),
            (
                ModelError::Refused {
                    status: 401,
                    detail: detail(),
                },
                UpstreamKind::Unavailable,
                "provider_key_refused",
            ),
            (
                ModelError::Refused {
                    status: 404,
                    detail: detail(),
                },
                UpstreamKind::BadAnswer,
                "provider_refused",
            ),
            (
                ModelError::Refused {
                    status: 400,
                    detail: detail(),
                },
                UpstreamKind::BadAnswer,
                "provider_refused",
            ),
            (
                ModelError::Refused {
                    status: 503,
                    detail: detail(),
                },
                UpstreamKind::BadAnswer,
                "provider_failed",
            ),
            (
                ModelError::Unavailable {
                    retry_after: Duration::from_secs(7),
                },
                UpstreamKind::Unavailable,
                "provider_unavailable",
            ),
            (
                ModelError::Overloaded {
                    retry_after: Duration::from_secs(7),
                    detail: detail(),
                },
                UpstreamKind::Unavailable,
                "provider_overloaded",
            ),
            (
                ModelError::Interrupted { detail: detail() },
                UpstreamKind::BadAnswer,
                "provider_failed",
            ),
            (
                ModelError::Malformed { detail: detail() },
                UpstreamKind::BadAnswer,
                "provider_answer_malformed",
            ),
            (ModelError::Cut, UpstreamKind::BadAnswer, "provider_answer_cut"),
            (ModelError::Empty, UpstreamKind::BadAnswer, "provider_answer_empty"),
        ] {
            let public = Error::from(error);
            let Error::Upstream {
                kind,
                code: actual,
                detail,
                ..
            } = &public
            else {
                panic!("{public:?}")
            };
            assert_eq!((*kind, *actual), (expected, code));
            assert!(!detail.contains("10.0.0.7") && detail.ends_with('.'), "{detail}");
        }
    }
}
