//! How a model call fails.
//!
//! Every variant has two faces: `Display` is for the log and may hold what the provider said;
//! [`ModelError::public_detail`] is a sentence for the person who asked. It holds nothing of the provider's but an
//! objection to the request, without secrets.

use std::time::Duration;

use domain::{Error, UpstreamKind};

use crate::rejection::{Rejection, RejectionReason};

/// A failed model call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// There is no key for the provider.
    #[error("provider {provider} is not configured")]
    NotConfigured {
        /// The provider's name, for example `openai`.
        provider: String,
    },
    /// No connection, or it broke before the answer began.
    #[error("the provider could not be reached: {detail}")]
    Unreachable {
        /// What the HTTP client said.
        detail: String,
    },
    /// The provider took longer than [`TimeLimits`](crate::TimeLimits) allows.
    #[error("the provider timed out: {what}")]
    TimedOut {
        /// Which limit was passed.
        what: TimeLimit,
    },
    /// Too many requests for now (429); the same request may succeed later.
    #[error("the provider limits the rate, retry after {retry_after:?}")]
    RateLimited {
        /// What the provider's `Retry-After` says, if it says anything.
        retry_after: Option<Duration>,
    },
    /// The account has no credit left (`insufficient_quota`); trying again does not help.
    #[error("the account's quota at the provider is used up: {detail}")]
    QuotaExhausted {
        /// What the provider said.
        detail: String,
    },
    /// The provider is too busy, and says when to come back (503, 529).
    #[error("the provider is overloaded, retry after {retry_after:?}: {detail}")]
    Overloaded {
        /// What its `Retry-After` says.
        retry_after: Duration,
        /// What the provider said, shortened.
        detail: String,
    },
    /// The provider answered, but not with an answer.
    #[error("the provider refused with status {status}: {detail}")]
    Refused {
        /// The HTTP status, or the one the provider named inside the stream.
        status: u16,
        /// What the provider said, shortened.
        detail: String,
    },
    /// The provider objects to the request itself: whoever sent it can mend it, and nobody else.
    #[error("the provider rejected the request as {}: {}", .0.reason.code(), .0.detail)]
    Rejected(Rejection),
    /// Bytes that are not what the protocol promises.
    #[error("the provider's answer is malformed: {detail}")]
    Malformed {
        /// What is wrong with them.
        detail: String,
    },
    /// It failed so often lately that it is not asked for now.
    #[error("the provider is not asked for {retry_after:?}, because it failed several times in a row")]
    Unavailable {
        /// When it is asked again.
        retry_after: Duration,
    },
    /// The provider failed in the middle of an answer.
    #[error("the provider broke the answer off: {detail}")]
    Interrupted {
        /// What the provider said, shortened.
        detail: String,
    },
    /// The stream ended without its end mark: the answer may be incomplete.
    #[error("the provider's answer was cut off")]
    Cut,
    /// An answer without a word and without a reason for that.
    #[error("the provider's answer is empty")]
    Empty,
}

/// The time limit that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// Connecting.
    Connect,
    /// To a sign of life before the first piece of text or thinking.
    FirstToken,
    /// To a sign of life after it.
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
    /// A stable `snake_case` word for clients and metrics.
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

    /// The same error in the middle of an answer: what would be a refusal at its start breaks it off there, and cannot
    /// be repaired by asking again.
    pub(crate) fn interrupted(self) -> Self {
        match self {
            Self::Refused { detail, .. } | Self::Overloaded { detail, .. } => Self::Interrupted { detail },
            Self::RateLimited { .. } => Self::Interrupted {
                detail: "it limits the rate".to_owned(),
            },
            // Told late, and still what the request has to be mended for.
            other => other,
        }
    }

    /// Whether the provider is to blame, so that asking it again right now is likely to fail again.
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
            // What callers ask for shuts no provider.
            | Self::Rejected(_)
            | Self::Empty => false,
        }
    }

    /// Whether another model may do better: everything but what is wrong with the request itself.
    pub(crate) fn is_elsewhere_better(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500 || matches!(status, 401 | 403 | 404 | 408),
            Self::Rejected(rejection) => rejection.reason == RejectionReason::ModelNotFound,
            _ => true,
        }
    }

    /// A sentence for the person who asked: what the provider objects to, without its secrets, or one of ours.
    pub fn public_detail(&self) -> &str {
        match self {
            Self::NotConfigured { .. } => "The model's provider is not configured.",
            Self::Unreachable { .. } => "The model's provider could not be reached.",
            Self::TimedOut { .. } => "The model did not answer in time.",
            Self::RateLimited { .. } | Self::Overloaded { .. } => "The model's provider is busy; try again shortly.",
            Self::QuotaExhausted { .. } => {
                "The account at the model's provider has no quota left; an administrator must add some."
            }
            Self::Refused { status: 401 | 403, .. } => "The model's provider does not accept the configured key.",
            Self::Refused { status: 404, .. } => {
                "The model's provider has nothing at the configured address; an administrator must check it."
            }
            Self::Refused { status: 500.., .. } => "The model's provider failed; try again.",
            Self::Refused { .. } => "The model's provider refused the request.",
            Self::Malformed { .. } => "The model's provider sent an answer that cannot be read.",
            Self::Rejected(rejection) => &rejection.detail,
            Self::Empty => "The model gave no answer; try again.",
            Self::Unavailable { .. } => "The model's provider does not answer at present; try again shortly.",
            Self::Interrupted { .. } | Self::Cut => "The answer broke off before its end.",
        }
    }
}

impl From<ModelError> for Error {
    /// Keeps only what the caller may see: log the [`ModelError`] first.
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
        let detail = || "internal host 10.0.0.7".to_owned();
        for (error, expected, code) in [
            (
                ModelError::NotConfigured { provider: detail() },
                UpstreamKind::Unavailable,
                "provider_not_configured",
            ),
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
