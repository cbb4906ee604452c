//! The daily limit of a user in responses.

use domain::{Quota, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// A daily limit and its usage.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Quota")]
pub struct QuotaView {
    user_id: String,
    /// Maximum LLM tokens per day.
    daily_limit: u64,
    /// LLM tokens used today.
    used_today: u64,
    /// When the current day began, in the time zone of the personal organization.
    last_reset: Timestamp,
}

impl From<Quota> for QuotaView {
    fn from(quota: Quota) -> Self {
        Self {
            user_id: quota.user.0,
            daily_limit: quota.daily_limit,
            used_today: quota.used_today,
            last_reset: quota.last_reset,
        }
    }
}
