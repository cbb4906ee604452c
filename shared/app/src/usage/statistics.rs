//! Usage statistics for authorized callers.

use domain::{Day, Membership, Period, Result, Statistics, usage::statistics::PeriodRequest};
use futures::future::BoxFuture;
use jiff::civil::Date;

use store::RolledUp;

use crate::{App, Identity, orgs::NO_ORG};

/// Statistics of a period.
#[derive(Debug, Clone)]
pub struct UsageReport {
    /// The period.
    pub period: Period,
    /// Today, in the time zone by which days are counted.
    pub today: Date,
    /// The usage.
    pub statistics: Statistics,
}

/// Statistics of all users.
#[derive(Debug, Clone)]
pub struct PlatformReport {
    /// The usage, without any personal data.
    pub usage: UsageReport,
    /// How far it is aggregated; `None` if nothing was.
    pub rolled_up: Option<RolledUp>,
}

impl App {
    /// Returns the usage of all users, by the local days where it occurred. Today is the date in UTC.
    ///
    /// # Errors
    /// Returns [`domain::Error::Invalid`] at `/from`, `/to` or `/days`.
    pub fn platform_usage(&self, asked: PeriodRequest) -> BoxFuture<'_, Result<PlatformReport>> {
        Box::pin(async move {
            let today = Day::of(self.clock.now(), "UTC")?.date;
            let period = asked.within(today)?;
            let (days, rolled_up) = self.usage().of_platform(period).await?;
            let usage = UsageReport {
                period,
                today,
                statistics: days.into_iter().collect(),
            };
            Ok(PlatformReport { usage, rolled_up })
        })
    }

    /// Returns the number of accounts created on these days (UTC), without those deleted since.
    pub fn new_accounts(&self, period: Period) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { self.store.users().count(period, self.clock.now()).await })
    }

    /// Returns the caller's usage: for a person in all organizations, by the days of their personal one; for an API
    /// key, which is limited to its organization, its user's usage there.
    ///
    /// # Errors
    /// Returns [`domain::Error::Invalid`] at `/from`, `/to` or `/days`.
    pub fn own_usage<'a>(
        &'a self,
        identity: &'a Identity,
        membership: &'a Membership,
        asked: PeriodRequest,
    ) -> BoxFuture<'a, Result<UsageReport>> {
        Box::pin(async move {
            if !identity.is_person() {
                return self.org_usage(membership, false, asked).await;
            }
            let home = self
                .store
                .orgs()
                .get(&identity.user.personal_org)
                .await?
                .ok_or(NO_ORG)?;
            let today = home.org.day(self.clock.now())?.date;
            let period = asked.within(today)?;
            let days = self.usage().of_user(&identity.user.id, period).await?;
            Ok(UsageReport {
                period,
                today,
                statistics: days.into_iter().collect(),
            })
        })
    }

    /// Returns the usage of an organization, by its days; only the caller's own unless `whole`.
    ///
    /// # Errors
    /// Returns [`domain::Error::Invalid`] at `/from` or `/to`, [`domain::Error::NotFound`] if it was deleted in the
    /// meantime.
    pub fn org_usage<'a>(
        &'a self,
        membership: &'a Membership,
        whole: bool,
        asked: PeriodRequest,
    ) -> BoxFuture<'a, Result<UsageReport>> {
        Box::pin(async move {
            let org = self.org_of(membership).await?.org;
            let today = org.day(self.clock.now())?.date;
            let period = asked.within(today)?;
            let reader = self.usage();
            let days = if org.personal {
                reader.of_personal_org(&membership.member, period).await?
            } else if whole {
                reader.of_org(&org.id, period).await?
            } else {
                reader.of_member(&org.id, &membership.member, period).await?
            };
            Ok(UsageReport {
                period,
                today,
                statistics: days.into_iter().collect(),
            })
        })
    }
}
