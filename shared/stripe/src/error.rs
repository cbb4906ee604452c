//! Failures of requests.

use serde::Deserialize;

/// Why a request had no usable response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe refused the request (4xx).
    #[error("Stripe refused the request with {status}: {message} ({})", code.as_deref().unwrap_or("no code"))]
    Refused {
        /// HTTP status.
        status: u16,
        /// `error.type`, for example `invalid_request_error`.
        kind: String,
        /// `error.code`, for example `resource_missing`.
        code: Option<String>,
        /// `error.param`, the parameter it is about.
        param: Option<String>,
        /// `error.message`. It may name Stripe's IDs, never secrets.
        message: String,
    },
    /// Stripe failed or could not be reached, and further attempts did not help.
    #[error("Stripe failed: {reason}")]
    Unavailable {
        /// HTTP status, if there was a response.
        status: Option<u16>,
        /// Whether the failure is the stored one of an earlier request with the same idempotency key. The same key
        /// never succeeds.
        replayed: bool,
        /// What happened.
        reason: String,
    },
    /// No response arrived in time.
    #[error("Stripe did not respond in time")]
    TimedOut,
    /// The response cannot be parsed.
    #[error("Stripe's response cannot be parsed: {0}")]
    BadAnswer(String),
}

impl Error {
    /// Returns whether the idempotency key can no longer be used: it has a stored failure, or belongs to another
    /// request.
    pub fn spoils_key(&self) -> bool {
        match self {
            Self::Unavailable { replayed, .. } => *replayed,
            Self::Refused { kind, status, .. } => kind == "idempotency_error" && *status == 400,
            Self::TimedOut | Self::BadAnswer(_) => false,
        }
    }

    /// Returns whether a meter event was refused because an earlier one has its identifier.
    pub fn is_duplicate_event(&self) -> bool {
        match self {
            Self::Refused {
                status: 400, message, ..
            } => message.contains("already exists with identifier") || message.contains("identifier already exists"),
            _ => false,
        }
    }

    /// Returns whether the object that the request names does not exist, or `param` names one that does not.
    pub fn is_missing(&self, param: Option<&str>) -> bool {
        match self {
            Self::Refused { status: 404, .. } if param.is_none() => true,
            Self::Refused { code, param: named, .. } => {
                code.as_deref() == Some("resource_missing") && (param.is_none() || named.as_deref() == param)
            }
            _ => false,
        }
    }
}

/// The body of a refusal.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    pub(crate) error: Body,
}

#[derive(Deserialize, Default)]
pub(crate) struct Body {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    pub(crate) code: Option<String>,
    pub(crate) param: Option<String>,
    #[serde(default)]
    pub(crate) message: String,
}
