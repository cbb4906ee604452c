//! The daily limit of a user.

use futures::future::BoxFuture;
use model::{Actor, Day, Error, Quota, Result, User, UserId};
use serde_json::json;
use store::{QuotaChange, QuotaRead};

use crate::{App, audited::Deed};

/// How often a change is tried again that a use of the quota overtook.
const MAX_ATTEMPTS: usize = 200;

impl App {
    /// What a user may use today, and has used.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub fn quota<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<Quota>> {
        Box::pin(async move {
            let user = self.user(user).await?;
            Ok(self.read_quota(&user).await?.1.quota)
        })
    }

    /// Sets a daily limit, and what counts as used today. `free`: whether the caller may raise the limit and say what
    /// is used; others only lower the limit, and what they say is used is ignored.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] `quota_raise`.
    pub fn set_quota<'a>(
        &'a self,
        actor: &'a Actor,
        user: &'a UserId,
        change: &'a QuotaChange,
        free: bool,
    ) -> BoxFuture<'a, Result<Quota>> {
        Box::pin(self.rewrite_quota(actor, user, "quota.changed", move |old| {
            if !free && change.daily_limit.is_some_and(|limit| limit > old.daily_limit) {
                return Err(Error::Forbidden {
                    code: "quota_raise",
                    detail: "You may lower your own daily limit; only a platform admin raises it.",
                });
            }
            Ok(QuotaChange {
                used_today: change.used_today.filter(|_| free),
                ..change.clone()
            })
        }))
    }

    /// Counts tokens that were used elsewhere as used today, however many do so at once.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn add_usage<'a>(&'a self, actor: &'a Actor, user: &'a UserId, tokens: u64) -> BoxFuture<'a, Result<Quota>> {
        Box::pin(self.rewrite_quota(actor, user, "quota.usage_added", move |old| {
            Ok(QuotaChange {
                used_today: Some(old.used_today.saturating_add(tokens)),
                ..QuotaChange::default()
            })
        }))
    }

    /// Changes a quota from what it is, looking again whenever somebody else changed or used it first.
    async fn rewrite_quota(
        &self,
        actor: &Actor,
        user: &UserId,
        action: &'static str,
        wanted: impl Fn(&Quota) -> Result<QuotaChange> + Send + Sync,
    ) -> Result<Quota> {
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(user).await?;
            let (day, read) = self.read_quota(&user).await?;
            let old = read.quota.clone();
            let change = wanted(&old)?;
            let new = Quota {
                daily_limit: change.daily_limit.unwrap_or(old.daily_limit),
                used_today: change.used_today.unwrap_or(old.used_today),
                ..old.clone()
            };
            if new == old {
                return Ok(old);
            }
            let rules = |quota: &Quota| json!({"daily_limit": quota.daily_limit, "used_today": quota.used_today});
            let deed = Deed::to_user(action, &user.id).before(rules(&old)).after(rules(&new));
            let entry = self.entry(actor, &user.personal_org, deed)?;
            if self.store.quotas().set(&read, &change, &day, &entry).await? {
                return Ok(new);
            }
        }
        Err(Error::unavailable("a quota is changed and used by too many at once"))
    }

    /// The day follows the time zone of the user's personal organization.
    async fn read_quota(&self, user: &User) -> Result<(Day, QuotaRead)> {
        let org = self.store.orgs().get(&user.personal_org).await?;
        let org = org.ok_or_else(|| Error::internal("an account without its organization"))?;
        let day = org.org.day(self.clock.now())?;
        let default = Quota::default_limit(org.org.plan.limits().tokens_per_day);
        let read = self.store.quotas().get(user, &day, default).await?;
        Ok((day, read))
    }
}
