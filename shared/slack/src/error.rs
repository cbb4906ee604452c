//! Failures of calls.

use std::time::Duration;

/// Why a call had no usable response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Slack refused the call: HTTP 200 with `"ok": false`.
    #[error("Slack refused {method}: {code}")]
    Refused {
        /// The method.
        method: &'static str,
        /// `error`, for example `channel_not_found`.
        code: String,
    },
    /// Too many calls; none of this kind succeeds before the pause ends.
    #[error("Slack allows no further {method} for {} s", retry_after.as_secs())]
    RateLimited {
        /// The method.
        method: &'static str,
        /// The pause that Slack asks for.
        retry_after: Duration,
    },
    /// Slack failed or could not be reached.
    #[error("Slack failed at {method}: {reason}")]
    Unavailable {
        /// The method.
        method: &'static str,
        /// Whether the call may have had its effect all the same.
        in_doubt: bool,
        /// What happened.
        reason: String,
    },
}

/// Codes of tokens that no longer work, whatever is called with them.
const DEAD_TOKEN: [&str; 6] = [
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "team_access_not_granted",
];
/// Codes of streams that accept nothing more: Slack ends them after some minutes, whether or not they are used.
const ENDED_STREAM: [&str; 4] = [
    "message_not_in_streaming_state",
    "streaming_state_conflict",
    "message_not_found",
    "msg_too_long",
];

impl Error {
    /// Returns whether the token no longer works, so that the app has to be installed again.
    pub fn is_dead_token(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if DEAD_TOKEN.contains(&code.as_str()))
    }

    /// Returns whether a stream accepts nothing more, so that the rest has to be posted.
    pub fn is_ended_stream(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if ENDED_STREAM.contains(&code.as_str()))
    }

    /// Returns whether the call may have had its effect.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Unavailable { in_doubt: true, .. })
    }

    /// Returns the code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::RateLimited { .. } | Self::Unavailable { .. } => None,
        }
    }
}
