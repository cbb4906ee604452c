//! The daily quota of a user.

use domain::{Actor, Day, Error, Quota, Result, User, UserId};
use futures::future::BoxFuture;
use serde_json::json;
use store::{OptimisticRetry, QuotaChange, QuotaRead};

use crate::{App, audit::audit_event::AuditEvent};

impl App {
    /// Returns a user's quota and its use today.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if there is no such account.
    pub fn quota<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<Quota>> {
        Box::pin(async move {
            let user = self.user(user).await?;
            Ok(self.read_quota(&user).await?.1.quota)
        })
    }

    /// Sets a daily limit and the amount used today. `free`: whether the caller may set any limit and amount. Others
    /// can lower their limit, or raise it up to the last one set this way or the plan's; an amount they specify is
    /// ignored.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `quota_raise`.
    pub fn set_quota<'a>(
        &'a self,
        actor: &'a Actor,
        user: &'a UserId,
        change: &'a QuotaChange,
        free: bool,
    ) -> BoxFuture<'a, Result<Quota>> {
        Box::pin(self.rewrite_quota(actor, user, "quota.changed", free, move |old, highest| {
            if !free && change.daily_limit.is_some_and(|limit| limit > old.daily_limit.max(highest)) {
                return Err(Error::Forbidden {
                    code: "quota_raise",
                    detail: "You can set your own daily limit up to what your plan or a platform admin allows. Only \
                             a platform admin can raise it further.",
                });
            }
            Ok(QuotaChange {
                used_today: change.used_today.filter(|_| free),
                ..change.clone()
            })
        }))
    }

    /// Adds tokens that were used elsewhere to today's usage; safe under concurrency.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn add_usage<'a>(&'a self, actor: &'a Actor, user: &'a UserId, tokens: u64) -> BoxFuture<'a, Result<Quota>> {
        Box::pin(
            self.rewrite_quota(actor, user, "quota.usage_added", false, move |old, _| {
                Ok(QuotaChange {
                    used_today: Some(old.used_today.saturating_add(tokens)),
                    ..QuotaChange::default()
                })
            }),
        )
    }

    /// Changes a quota based on its current state, and retries after a concurrent change or use. `grants`: whether a
    /// limit that is set becomes the maximum that the user can set themselves, which is passed to `wanted` as it was.
    async fn rewrite_quota(
        &self,
        actor: &Actor,
        user: &UserId,
        action: &'static str,
        grants: bool,
        wanted: impl Fn(&Quota, u64) -> Result<QuotaChange> + Send + Sync,
    ) -> Result<Quota> {
        let mut retry = OptimisticRetry::to_change("a limit");
        loop {
            retry.next().await?;
            let user = self.user(user).await?;
            let (day, read) = self.read_quota(&user).await?;
            let old = read.quota.clone();
            let change = wanted(&old, read.highest())?;
            let granted = change.daily_limit.filter(|_| grants);
            let new = Quota {
                daily_limit: change.daily_limit.unwrap_or(old.daily_limit),
                used_today: change.used_today.unwrap_or(old.used_today),
                ..old.clone()
            };
            if new == old && granted.is_none_or(|limit| limit == read.highest()) {
                return Ok(old);
            }
            let rules = |quota: &Quota| json!({"daily_limit": quota.daily_limit, "used_today": quota.used_today});
            let event = AuditEvent::to_user(action, &user.id)
                .before(rules(&old))
                .after(rules(&new));
            let entry = self.entry(actor, &user.personal_org, event)?;
            if self.store.quotas().set(&read, &change, granted, &day, &entry).await? {
                return Ok(new);
            }
        }
    }

    /// Days follow the time zone of the user's personal organization.
    async fn read_quota(&self, user: &User) -> Result<(Day, QuotaRead)> {
        let org = self.store.orgs().get(&user.personal_org).await?;
        let org = org.ok_or_else(|| Error::internal("an account without its organization"))?;
        let day = org.org.day(self.clock.now())?;
        let default = Quota::default_limit(org.org.entitlements(self.clock.now()).limits.tokens_per_day);
        let read = self.store.quotas().get(user, &day, default).await?;
        Ok((day, read))
    }
}
