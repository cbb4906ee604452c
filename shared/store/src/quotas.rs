//! Daily limits, and what was used of them.
//!
//! `QUOTA` holds the limit, `D#{date}` one day: `used`, `reserved`, and `budget`, which is what is left and is made
//! from the limit by whoever needs it first. A change of the limit therefore changes the budget of today with it.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use model::{AuditEntry, Day, Quota, Result, UserId, quota::DailyLimit};
use serde::Deserialize;

use crate::{
    Store,
    item::{Transaction, from_item, n, part},
    keys, tables,
};

/// Daily limits, by user.
#[derive(Debug, Clone)]
pub struct Quotas(Store);

/// A change of a quota.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuotaChange {
    /// New limit.
    pub daily_limit: Option<u64>,
    /// What counts as used today.
    pub used_today: Option<u64>,
}

/// How long a day is kept after its beginning, seconds: 400 days.
const KEPT_SECONDS: i64 = 400 * 24 * 3600;

#[derive(Default, Deserialize)]
struct Today {
    used: Option<u64>,
    /// Below zero when a limit was lowered under what is used.
    budget: Option<i64>,
}

/// A quota as it was read, with what a change has to find unchanged.
#[derive(Debug)]
pub struct QuotaRead {
    /// The quota.
    pub quota: Quota,
    limit: Option<u64>,
    used: Option<u64>,
    budget: Option<i64>,
}

impl Store {
    /// Daily limits.
    pub fn quotas(&self) -> Quotas {
        Quotas(self.clone())
    }
}

impl Quotas {
    /// The quota of a user on `day`.
    pub async fn get(&self, user: &UserId, day: &Day) -> Result<QuotaRead> {
        let keys = [keys::quota(user), keys::usage_day(user, day.date)];
        let (mut limit, mut today) = (None, Today::default());
        for item in self.0.usage().among(&keys).await? {
            if item.contains_key("daily_limit") {
                limit = Some(from_item::<DailyLimit>(item)?.daily_limit);
            } else {
                today = from_item(item)?;
            }
        }
        Ok(QuotaRead {
            quota: Quota {
                user: user.clone(),
                daily_limit: limit.unwrap_or(Quota::DEFAULT_DAILY_LIMIT),
                used_today: today.used.unwrap_or_default(),
                last_reset: day.began_at,
            },
            limit,
            used: today.used,
            budget: today.budget,
        })
    }

    /// Changes a quota from what `read` says; answers `false` when it was changed, or used, meanwhile.
    pub async fn set(&self, read: &QuotaRead, change: &QuotaChange, day: &Day, entry: &AuditEntry) -> Result<bool> {
        let (table, quota) = (self.0.usage(), &read.quota);
        let limit = change.daily_limit.unwrap_or(quota.daily_limit);
        let used = change.used_today.unwrap_or(quota.used_today);
        let stored = table
            .part_update(&keys::quota(&quota.user))
            .update_expression("SET daily_limit = :limit")
            .expression_attribute_values(":limit", n(limit));
        let stored = if_as_read(stored, &[("daily_limit", read.limit.map(signed))]);
        let budget = read.budget.unwrap_or_else(|| signed(quota.daily_limit));
        let budget = budget + signed(limit) - signed(quota.daily_limit) + signed(quota.used_today) - signed(used);
        let today = table
            .part_update(&keys::usage_day(&quota.user, day.date))
            .update_expression("SET budget = :budget, used = :used, #ttl = :ttl")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":budget", n(budget))
            .expression_attribute_values(":used", n(used))
            .expression_attribute_values(":ttl", n(day.began_at.as_second() + KEPT_SECONDS));
        let today = if_as_read(today, &[("used", read.used.map(signed)), ("budget", read.budget)]);
        let parts = vec![part(stored)?, part(today)?];
        Ok(self.0.transact_audited(entry, parts).await? == Transaction::Done)
    }
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// `update`, on the condition that these attributes are as they were read.
fn if_as_read(mut update: UpdateBuilder, read: &[(&str, Option<i64>)]) -> UpdateBuilder {
    let mut conditions = Vec::with_capacity(read.len());
    for (name, value) in read {
        if let Some(value) = value {
            conditions.push(format!("{name} = :old_{name}"));
            update = update.expression_attribute_values(format!(":old_{name}"), n(value));
        } else {
            conditions.push(format!("attribute_not_exists({name})"));
        }
    }
    update.condition_expression(conditions.join(" AND "))
}
