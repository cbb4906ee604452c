//! Limits on tokens and requests, and how much of them is used.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, orgs::plan::PlanLimit};

/// The scope of a token limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenScope {
    /// A user, per day.
    User,
    /// An organization, per day.
    Org,
    /// An API key, in total.
    Key,
    /// A chatbot, per day.
    Chatbot,
}

impl TokenScope {
    /// Its name in responses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Org => "org",
            Self::Key => "key",
            Self::Chatbot => "chatbot",
        }
    }

    /// Returns the limit as it appears in a sentence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::User => "your daily limit",
            Self::Org => "the daily limit of the organization's plan",
            Self::Key => "the budget of this API key",
            Self::Chatbot => "the daily limit of this chatbot",
        }
    }
}

/// A token limit and its current usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenLimit {
    /// Its scope.
    pub scope: TokenScope,
    /// Maximum number of tokens.
    pub limit: u64,
    /// Tokens used.
    pub used: u64,
    /// Tokens reserved for answers that are being generated.
    pub reserved: u64,
    /// When it resets; null if it never does.
    pub resets_at: Option<Timestamp>,
}

impl TokenLimit {
    /// Returns the tokens that are neither used nor reserved.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used.saturating_add(self.reserved))
    }
}

/// A limit on requests per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Name of the policy.
    pub policy: &'static str,
    /// Requests per minute.
    pub per_minute: u32,
    /// Requests that can be sent now.
    pub remaining: u32,
    /// When at least one request can be sent; zero if one can be sent now.
    pub retry_after: Duration,
}

/// A limit that rejects a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitReached {
    /// The request may need more tokens than are left.
    Tokens {
        /// The limit.
        limit: TokenLimit,
        /// Minimum number of tokens that the request may need.
        needed: u64,
        /// When to retry.
        retry_after: Duration,
    },
    /// Too many requests per minute.
    Requests(RateLimitStatus),
    /// The plan's limit is reached.
    Plan(PlanLimit),
}
