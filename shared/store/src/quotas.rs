//! Daily limits, and what was used of them.
//!
//! `QUOTA` holds the limit, `D#{date}` one day of the [ledger](crate::Ledger): `used`, `reserved` and `committed`, their
//! sum. The limit is compared with them when tokens are reserved, so changing it changes no counter.

use model::{AuditEntry, Day, Quota, Result, UserId, quota::DailyLimit};
use serde::Deserialize;

use crate::{
    Store,
    item::{Transaction, from_item, n},
    keys,
    ledger::{Change, KEPT_SECONDS},
    tables,
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

#[derive(Default, Deserialize)]
struct Today {
    used: Option<u64>,
}

/// A quota as it was read, with what a change has to find unchanged.
#[derive(Debug)]
pub struct QuotaRead {
    /// The quota.
    pub quota: Quota,
    limit: Option<u64>,
    used: Option<u64>,
}

impl Store {
    /// Daily limits.
    pub fn quotas(&self) -> Quotas {
        Quotas(self.clone())
    }
}

impl Quotas {
    /// The limit that was set for a user; none when none was.
    pub async fn limit(&self, user: &UserId) -> Result<Option<u64>> {
        let found: Option<DailyLimit> = self.0.usage().get(keys::quota(user)).await?;
        Ok(found.map(|found| found.daily_limit))
    }

    /// The quota of a user on `day`; `default` is the limit of those for whom none was set.
    pub async fn get(&self, user: &UserId, day: &Day, default: u64) -> Result<QuotaRead> {
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
                daily_limit: limit.unwrap_or(default),
                used_today: today.used.unwrap_or_default(),
                last_reset: day.began_at,
            },
            limit,
            used: today.used,
        })
    }

    /// Changes a quota from what `read` says; answers `false` when it was changed meanwhile, or used when the change
    /// says what is used.
    pub async fn set(&self, read: &QuotaRead, change: &QuotaChange, day: &Day, entry: &AuditEntry) -> Result<bool> {
        let quota = &read.quota;
        let mut parts = Vec::new();
        if let Some(limit) = change.daily_limit {
            let mut stored = Change::of(keys::quota(&quota.user));
            stored.set("daily_limit", n(limit));
            stored.if_still("daily_limit", read.limit);
            parts.push(stored.part(&self.0)?);
        }
        if let Some(used) = change.used_today {
            let mut today = Change::of(keys::usage_day(&quota.user, day.date));
            today.set("used", n(used));
            today.add("committed", signed(used) - signed(quota.used_today));
            today.set_once(tables::TTL, n(day.began_at.as_second() + KEPT_SECONDS));
            today.if_still("used", read.used);
            parts.push(today.part(&self.0)?);
        }
        Ok(self.0.transact_audited(entry, parts).await? == Transaction::Done)
    }
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
