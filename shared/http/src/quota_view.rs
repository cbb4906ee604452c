//! A daily limit as documents 000 and 003 have it.

use domain::{Quota, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// A daily limit and what is used of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Quota")]
pub struct QuotaView {
    user_id: String,
    /// Most LLM tokens in a day.
    daily_limit: u64,
    /// LLM tokens used today.
    used_today: u64,
    /// When today began, in the time zone of the personal organization.
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
