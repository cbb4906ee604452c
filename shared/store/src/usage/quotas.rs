//! Daily limits and their usage.
//!
//! The account stores the limit, which every request reads anyway; `D#{date}` is one day of the
//! [ledger](crate::Ledger): `used`, `reserved` and `committed`, their sum. Reservations compare the counters with the
//! limit, so changing the limit changes no counter.

use domain::{AuditEntry, Day, Quota, Result, User};
use serde::Deserialize;

use crate::{
    Store, keys,
    table::item::{Transaction, n},
    tables,
    usage::ledger::{Change, KEPT_SECONDS},
};

/// Daily limits, by user.
#[derive(Debug, Clone)]
pub struct Quotas(Store);

/// A change of a quota.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuotaChange {
    /// New limit.
    pub daily_limit: Option<u64>,
    /// Tokens that count as used today.
    pub used_today: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Today {
    used: Option<u64>,
}

/// A quota as it was read, with the state that a change requires to be unchanged.
#[derive(Debug)]
pub struct QuotaRead {
    /// The quota.
    pub quota: Quota,
    limit: Option<u64>,
    granted: Option<u64>,
    default: u64,
    used: Option<u64>,
}

impl QuotaRead {
    /// Returns the highest limit that users may set for themselves: the last one granted, or that of the plan.
    pub fn highest(&self) -> u64 {
        self.granted.unwrap_or(self.default)
    }
}

impl Store {
    /// Returns access to daily limits.
    pub fn quotas(&self) -> Quotas {
        Quotas(self.clone())
    }
}

impl Quotas {
    /// Returns the quota of a user on `day`; `default` is the limit of users without one.
    pub async fn get(&self, account: &User, day: &Day, default: u64) -> Result<QuotaRead> {
        let today: Option<Today> = self.0.usage().get(keys::usage_day(&account.id, day.date)).await?;
        let used = today.and_then(|today| today.used);
        Ok(QuotaRead {
            quota: Quota {
                user: account.id.clone(),
                daily_limit: account.daily_limit.unwrap_or(default),
                used_today: used.unwrap_or_default(),
                last_reset: day.began_at,
            },
            limit: account.daily_limit,
            granted: account.granted_daily_limit,
            default,
            used,
        })
    }

    /// Changes a quota from what `read` says. Returns `false` if the limit was changed meanwhile, or tokens were used
    /// while the change sets what is used. `granted`: the highest limit that users may set for themselves from now on,
    /// if it changes.
    pub async fn set(
        &self,
        read: &QuotaRead,
        change: &QuotaChange,
        granted: Option<u64>,
        day: &Day,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let quota = &read.quota;
        let mut parts = Vec::new();
        if let Some(limit) = change.daily_limit {
            let mut account = Change::of(keys::profile(&quota.user));
            account.set("daily_limit", n(limit));
            account.if_present("pk");
            account.if_still("daily_limit", read.limit);
            account.if_still("granted_daily_limit", read.granted);
            if let Some(granted) = granted {
                account.set("granted_daily_limit", n(granted));
            }
            parts.push(account.part_in(&self.0.identity())?);
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
