//! The domain's single error type. `http_api` converts it to a problem response in one table.

use std::time::Duration;

use crate::{LimitReached, orgs::plan::PlanLimit, usage::limit::TokenLimit};

/// Result of every fallible rule and use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One invalid part of a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the value; `""` for the whole body.
    pub pointer: String,
    /// A sentence that states what is valid.
    pub detail: String,
}

impl FieldError {
    /// Creates an error at `pointer`, for example `FieldError::new("/email", "is not an email address")`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// How an upstream service (model provider, payment provider) failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamKind {
    /// It returned an unusable response (502).
    BadAnswer,
    /// It could not be reached or is not configured (503).
    Unavailable,
    /// It did not respond in time (504).
    TimedOut,
}

/// Every failure, classified by what the caller can do about it.
///
/// The fields of most variants are shown to the caller. The sources of [`Error::Unavailable`] and [`Error::Internal`]
/// go to the log only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The resource does not exist or belongs to someone else; the caller cannot tell which (404).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Credentials are missing or no longer valid (401).
    #[error("{detail}")]
    Unauthorized {
        /// Stable `snake_case` code, for example `token_expired`.
        code: &'static str,
        /// A sentence that tells the user what to do.
        detail: &'static str,
    },
    /// The caller is authenticated but lacks permission (403).
    #[error("{detail}")]
    Forbidden {
        /// Stable `snake_case` code, for example `role_required`.
        code: &'static str,
        /// A sentence that tells the user what to do.
        detail: &'static str,
    },
    /// The resource's current state does not allow this (409).
    #[error("{detail}")]
    Conflict {
        /// Stable `snake_case` code, for example `email_taken`.
        code: &'static str,
        /// A sentence that tells the user what to do.
        detail: String,
    },
    /// The resource existed and has expired (410).
    #[error("{detail}")]
    Gone {
        /// Stable `snake_case` code, for example `invitation_expired`.
        code: &'static str,
        /// A sentence that tells the user what to do.
        detail: &'static str,
    },
    /// The same operation is in progress; the caller can retry shortly (409 with `Retry-After`).
    #[error("{detail}")]
    InProgress {
        /// A sentence that tells the user what to do.
        detail: &'static str,
        /// When to retry.
        retry_after: Duration,
    },
    /// Too many attempts; allowed again later (429 with `Retry-After`).
    #[error("{detail}")]
    TooMany {
        /// Stable `snake_case` code, for example `too_many_attempts`.
        code: &'static str,
        /// A sentence that tells the user what to do.
        detail: &'static str,
        /// When it is allowed again.
        retry_after: Duration,
    },
    /// A limit is reached: on tokens or requests (429 with `Retry-After` and `RateLimit`), or of the plan (409).
    #[error("{}", crate::error::limit_sentence(.0))]
    Limit(Box<LimitReached>),
    /// A well-formed body with invalid values (422).
    #[error("some fields are invalid")]
    Invalid(Vec<FieldError>),
    /// A valid field names something that cannot be used, such as a page that its site does not show (422).
    #[error("{detail}")]
    Unusable {
        /// Stable `snake_case` code, for example `address_not_allowed`.
        code: &'static str,
        /// JSON pointer to the field.
        pointer: &'static str,
        /// A sentence that tells the user what to do.
        detail: String,
    },
    /// The request cannot be parsed (400).
    #[error("{detail}")]
    BadRequest {
        /// Stable `snake_case` code, for example `invalid_json`.
        code: &'static str,
        /// A sentence that tells the user what to do.
        detail: String,
    },
    /// The request is larger than allowed (413).
    #[error("the request is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The exceeded limit, in bytes.
        limit_bytes: u64,
    },
    /// An unsupported media type or file type (415).
    #[error("{0}")]
    UnsupportedMedia(String),
    /// A model or payment provider failed (502, 503, 504).
    #[error("{detail}")]
    Upstream {
        /// How it failed.
        kind: UpstreamKind,
        /// Stable `snake_case` code, for example `provider_not_configured`.
        code: &'static str,
        /// A sentence that tells the user what to do, without the provider's internals.
        detail: String,
        /// When a retry may succeed, if known.
        retry_after: Option<Duration>,
    },
    /// The model's provider rejects the request for a reason that the caller can fix (400, 404).
    #[error("{detail}")]
    ModelRequest {
        /// Whether the model does not exist (404).
        is_missing: bool,
        /// Stable `snake_case` code, for example `context_length_exceeded`.
        code: &'static str,
        /// A sentence that tells the user what to do, without the provider's secrets.
        detail: String,
        /// The parameter concerned, if the provider names one.
        param: Option<String>,
    },
    /// A dependency (table, bucket, queue) did not respond; the request can be retried (503).
    #[error("a service that this one depends on is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An internal fault (500).
    #[error("an internal error occurred")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Returns the sentence about a limit that the user sees.
fn limit_sentence(reached: &LimitReached) -> String {
    match reached {
        LimitReached::Tokens { limit, needed, .. } => {
            let left = limit.remaining();
            let TokenLimit {
                scope,
                limit,
                used,
                reserved,
                resets_at,
            } = limit;
            let title = scope.title();
            let reset = resets_at.map_or_else(
                || "It does not reset; ask for a larger limit".to_owned(),
                |at| format!("Resets at {at}"),
            );
            format!(
                "Request needs up to {needed} tokens, but {title} has only {left} left ({used} used and {reserved} \
                 reserved of {limit}). {reset}."
            )
        }
        LimitReached::Requests(rate_limit) => format!(
            "Too many requests: the limit is {} per minute. Wait before you send the next one.",
            rate_limit.per_minute
        ),
        LimitReached::Plan(limit) => limit.sentence(),
    }
}

impl Error {
    /// Creates an error about one invalid field.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, detail)])
    }

    /// Creates a conflict with its stable code.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    /// Creates an error about an exhausted plan limit.
    pub fn plan_limit(limit: PlanLimit) -> Self {
        Self::Limit(Box::new(LimitReached::Plan(limit)))
    }

    /// Creates an error about an unparsable request, with its stable code.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::BadRequest {
            code,
            detail: detail.into(),
        }
    }

    /// Creates an internal error; the source goes to the log only.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// Creates an error about a failed dependency; the source goes to the log only.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }
}
