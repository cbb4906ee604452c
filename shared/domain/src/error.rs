//! The one error type of the domain. `http_api` turns it into a problem response in one table.

use std::time::Duration;

use crate::{LimitReached, orgs::plan::PlanLimit, usage::limit::TokenLimit};

/// Result of every fallible rule and use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One invalid part of a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the value, `""` for the whole body.
    pub pointer: String,
    /// A sentence that says what would be valid.
    pub detail: String,
}

impl FieldError {
    /// An error at `pointer`, for example `FieldError::new("/email", "is not an e-mail address")`.
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
    /// It answered something we cannot use (502).
    BadAnswer,
    /// It could not be reached, or is not configured (503).
    Unavailable,
    /// It did not answer in time (504).
    TimedOut,
}

/// Everything that can go wrong, by what the caller can do about it.
///
/// The fields of the first variants are shown to the caller. [`Error::Unavailable`] and [`Error::Internal`]
/// carry what only the log may see.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing does not exist, or belongs to someone else: the caller cannot tell which (404).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// No credentials, or none that are valid now (401).
    #[error("{detail}")]
    Unauthorized {
        /// Stable `snake_case` word, for example `token_expired`.
        code: &'static str,
        /// A sentence a person can act on.
        detail: &'static str,
    },
    /// A known caller who may not do this (403).
    #[error("{detail}")]
    Forbidden {
        /// Stable `snake_case` word, for example `role_required`.
        code: &'static str,
        /// A sentence a person can act on.
        detail: &'static str,
    },
    /// The state of the thing does not allow this now (409).
    #[error("{detail}")]
    Conflict {
        /// Stable `snake_case` word, for example `email_taken`.
        code: &'static str,
        /// A sentence a person can act on.
        detail: String,
    },
    /// It was there and has ended by time (410).
    #[error("{detail}")]
    Gone {
        /// Stable `snake_case` word, for example `invitation_expired`.
        code: &'static str,
        /// A sentence a person can act on.
        detail: &'static str,
    },
    /// The same thing is being done right now; try again shortly (409 with `Retry-After`).
    #[error("{detail}")]
    InProgress {
        /// A sentence a person can act on.
        detail: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// Too often, too fast; later it is allowed again (429 with `Retry-After`).
    #[error("{detail}")]
    TooMany {
        /// Stable `snake_case` word, for example `too_many_attempts`.
        code: &'static str,
        /// A sentence a person can act on.
        detail: &'static str,
        /// When it is allowed again.
        retry_after: Duration,
    },
    /// A limit is reached: on tokens or requests (429 with `Retry-After` and `RateLimit`), or of the plan (409).
    #[error("{}", crate::error::words(.0))]
    Limit(Box<LimitReached>),
    /// A readable body with values that are not valid (422).
    #[error("some fields are not valid")]
    Invalid(Vec<FieldError>),
    /// The request itself cannot be read (400).
    #[error("{detail}")]
    BadRequest {
        /// Stable `snake_case` word, for example `invalid_json`.
        code: &'static str,
        /// A sentence a person can act on.
        detail: String,
    },
    /// More bytes than allowed (413).
    #[error("the request is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit that was passed, in bytes.
        limit_bytes: u64,
    },
    /// A media type or file type we do not read (415).
    #[error("{0}")]
    UnsupportedMedia(String),
    /// A model or payment provider failed (502, 503, 504).
    #[error("{detail}")]
    Upstream {
        /// How it failed.
        kind: UpstreamKind,
        /// Stable `snake_case` word, for example `provider_not_configured`.
        code: &'static str,
        /// A sentence a person can act on, without the provider's internals.
        detail: String,
        /// When it may be worth trying again, where that is known.
        retry_after: Option<Duration>,
    },
    /// The provider of a model objects to what was asked of it, which the caller can mend (400, 404).
    #[error("{detail}")]
    ModelRequest {
        /// Whether there is no such model (404).
        is_missing: bool,
        /// Stable `snake_case` word, for example `context_length_exceeded`.
        code: &'static str,
        /// A sentence a person can act on, without the provider's secrets.
        detail: String,
        /// The parameter it is about, where the provider names one.
        param: Option<String>,
    },
    /// A service we stand on (table, bucket, queue) did not answer; the request may be repeated (503).
    #[error("a service behind this one is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A fault of ours (500).
    #[error("an internal error occurred")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a person is told about a limit.
fn words(reached: &LimitReached) -> String {
    match reached {
        LimitReached::Tokens { limit, needed, .. } => {
            let TokenLimit {
                scope,
                limit,
                used,
                reserved,
                resets_at,
            } = limit;
            let title = scope.title();
            let again = resets_at.map_or_else(
                || "It does not begin anew; ask for a larger one".to_owned(),
                |at| format!("It begins anew at {at}"),
            );
            format!(
                "This needs up to {needed} tokens, more than is left of {title}: {used} of {limit} are used and \
                 {reserved} are reserved for answers that are being made. {again}."
            )
        }
        LimitReached::Requests(pace) => format!(
            "There were too many requests: the limit is {} a minute; wait before the next one.",
            pace.per_minute
        ),
        LimitReached::Plan(limit) => limit.words(),
    }
}

impl Error {
    /// One invalid field.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, detail)])
    }

    /// A conflict with its stable code.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    /// What a plan allows no more of.
    pub fn plan_limit(limit: PlanLimit) -> Self {
        Self::Limit(Box::new(LimitReached::Plan(limit)))
    }

    /// An unreadable request with its stable code.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::BadRequest {
            code,
            detail: detail.into(),
        }
    }

    /// A fault of ours; the message goes to the log only.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// A failure of a service below us; the message goes to the log only.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }
}
