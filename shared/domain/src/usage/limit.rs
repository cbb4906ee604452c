//! Limits on tokens and requests, and where one stands.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, orgs::plan::PlanLimit};

/// What a limit on tokens covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenScope {
    /// A person, a day.
    User,
    /// An organization, a day.
    Org,
    /// An API key, in all.
    Key,
    /// A chatbot, a day.
    Chatbot,
}

impl TokenScope {
    /// Its name, as in an answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Org => "org",
            Self::Key => "key",
            Self::Chatbot => "chatbot",
        }
    }

    /// The limit in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::User => "your daily limit",
            Self::Org => "the daily limit of the organization's plan",
            Self::Key => "the budget of this API key",
            Self::Chatbot => "the daily limit of this chatbot",
        }
    }
}

/// A limit on tokens, and what is taken of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenLimit {
    /// What it covers.
    pub scope: TokenScope,
    /// Most tokens.
    pub limit: u64,
    /// Tokens that were used.
    pub used: u64,
    /// Tokens that are set aside for answers that are being made.
    pub reserved: u64,
    /// When it begins anew; null for one that never does.
    pub resets_at: Option<Timestamp>,
}

impl TokenLimit {
    /// Tokens that are neither used nor reserved.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used.saturating_add(self.reserved))
    }
}

/// A limit on requests a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Name of the policy.
    pub policy: &'static str,
    /// Requests a minute.
    pub per_minute: u32,
    /// Requests that may be made now.
    pub remaining: u32,
    /// When at least one may be made; nothing when one may be made now.
    pub retry_after: Duration,
}

/// A limit that refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitReached {
    /// The tokens it may need are more than is left.
    Tokens {
        /// The limit.
        limit: TokenLimit,
        /// Tokens that the request may need at least.
        needed: u64,
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many requests in too short a time.
    Requests(Pace),
    /// The plan allows no more of something.
    Plan(PlanLimit),
}
