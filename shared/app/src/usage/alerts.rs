//! Alerts about used-up shares of a limit: by email, once per share and day, and in the API.

use std::num::NonZeroUsize;

use domain::{
    EventData, MailId, MailMessage, Membership, Result, TokenLimit, TokenScope, UserId, WebhookEvent,
    webhooks::data::{LimitEvent, LimitOwner},
};
use futures::future::BoxFuture;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};
use store::{Alert, Owner, QuotaSubjects};

use crate::{App, platform::cache::BoundedCache};

/// Shares of a limit that trigger an alert, in percent.
const SHARES: [u8; 3] = [50, 80, 100];
/// Number of alerts per limit that the API lists.
const LISTED: u16 = 50;

/// Alerts that this process knows to be sent, so that they are not written again after every answer.
pub(crate) struct SentAlerts(BoundedCache<(Owner, Date), u8>);

impl Default for SentAlerts {
    fn default() -> Self {
        Self(BoundedCache::with_capacity(NonZeroUsize::MIN.saturating_add(4095)))
    }
}

/// Returns the ID of a one-time notice about a limit and a day. It contains no personal data.
pub(crate) fn notice_id(kind: &str, owner: &Owner, day: Date, reader: &UserId) -> MailId {
    let text = format!("{kind} {owner:?} {day} {reader}");
    MailId(hex::encode(Sha256::digest(text)))
}

/// Returns the largest share that is reached.
fn share(limit: &TokenLimit) -> Option<u8> {
    let reached = |share: &u8| u128::from(limit.used) * 100 >= u128::from(limit.limit) * u128::from(*share);
    SHARES.into_iter().rfind(reached).filter(|_| limit.used > 0)
}

impl App {
    /// Checks whether a charge reached a share of a limit. A failed alert does not fail an answer; the schedule checks
    /// again.
    pub(crate) async fn watch(&self, subjects: &QuotaSubjects, used: Option<u64>) {
        let told = async {
            if let (None, Some(used)) = (subjects.org_limit, used) {
                // The charging write returned all that is needed.
                let limit = TokenLimit {
                    scope: TokenScope::User,
                    limit: subjects.user_limit,
                    used,
                    reserved: 0,
                    resets_at: Some(subjects.user_day.ends_at),
                };
                return self.send_alerts(subjects, &limit, None).await;
            }
            let ledger = self.store.ledger();
            let (mut limits, is_more) = ledger.standings_at_most(subjects).await?;
            // The tokens lent to an organization's shards are read individually if a new share may be reached.
            if is_more && limits.iter().any(|limit| self.reaches_new_share(subjects, limit)) {
                limits = ledger.standings(subjects).await?;
            } else if is_more {
                limits.retain(|limit| limit.scope != TokenScope::Org);
            }
            for limit in limits {
                self.send_alerts(subjects, &limit, None).await?;
            }
            Ok(())
        };
        if let Err(error) = told.await {
            tracing::warn!(%error, "alert.not_sent");
        }
    }

    /// Returns whether a share is reached for which this process knows of no alert.
    fn reaches_new_share(&self, subjects: &QuotaSubjects, limit: &TokenLimit) -> bool {
        let owner = Owner::Org(subjects.org.clone());
        let known = self.told.0.get(&(owner, subjects.org_day.date)).unwrap_or_default();
        limit.scope == TokenScope::Org && share(limit).is_some_and(|reached| reached > known)
    }

    /// Sends the alert for an exhausted limit: it rejected a request, whatever remains of it.
    pub(crate) async fn alert_exhausted(&self, subjects: &QuotaSubjects, limit: &TokenLimit) {
        // Reserved tokens may be released.
        if limit.reserved > 0 {
            return;
        }
        if let Err(error) = self.send_alerts(subjects, limit, Some(100)).await {
            tracing::warn!(%error, "alert.not_sent");
        }
    }

    /// `at_least`: a share that counts as reached in any case.
    pub(crate) async fn send_alerts(
        &self,
        subjects: &QuotaSubjects,
        limit: &TokenLimit,
        at_least: Option<u8>,
    ) -> Result<()> {
        let (owner, day) = match limit.scope {
            TokenScope::User => (Owner::User(subjects.user.clone()), subjects.user_day.date),
            TokenScope::Org => (Owner::Org(subjects.org.clone()), subjects.org_day.date),
            // Whoever set these limits did so deliberately.
            TokenScope::Key | TokenScope::Chatbot => return Ok(()),
        };
        let (Some(reached), Some(resets_at)) = (share(limit).max(at_least), limit.resets_at) else {
            return Ok(());
        };
        let known = self.told.0.get(&(owner.clone(), day)).unwrap_or_default();
        if reached <= known {
            return Ok(());
        }
        let mut news = false;
        for percent in SHARES.into_iter().filter(|share| (known + 1..=reached).contains(share)) {
            let alert = Alert {
                scope: limit.scope,
                day,
                percent,
                used: limit.used,
                limit: limit.limit,
                resets_at,
                at: self.clock.now(),
            };
            // The email comes first: its ID prevents a second one, and this order prevents a crash from losing it.
            if percent == reached {
                for (user, org) in self.recipients(&owner).await? {
                    let message = MailMessage::TokenAlert {
                        id: notice_id(&format!("{percent}"), &owner, day, &user),
                        user,
                        org,
                        org_id: owner.org().cloned(),
                        percent,
                        used: limit.used,
                        limit: limit.limit,
                        resets_at,
                    };
                    self.queue_mail(&message).await?;
                }
            }
            let event = self.alert_event(&owner, &alert).await?;
            news |= self.store.ledger().alert(&owner, &alert, event.as_deref()).await?;
        }
        self.told.0.note((owner, day), reached);
        if news {
            tracing::info!(scope = limit.scope.name(), percent = reached, "alert.sent");
        }
        Ok(())
    }

    /// Returns the event of an alert: of the organization, or the personal one of a user.
    async fn alert_event(&self, owner: &Owner, alert: &Alert) -> Result<Option<Box<WebhookEvent>>> {
        let (scope, user_id, org) = match owner {
            Owner::Org(org) => (LimitOwner::Org, None, org.clone()),
            Owner::User(user) => match self.store.accounts().get(user).await? {
                Some(account) => (LimitOwner::User, Some(user.clone()), account.personal_org),
                None => return Ok(None),
            },
        };
        let data = EventData::LimitThreshold(LimitEvent {
            scope,
            user_id,
            percent: alert.percent.into(),
            used: alert.used,
            limit: alert.limit,
            day: alert.day.to_string(),
        });
        let occurrence = format!("{owner:?} {} {}", alert.day, alert.percent);
        self.event(&org, data, &occurrence).await
    }

    /// Returns the users concerned by a limit, and the name of the organization that has it.
    pub(crate) async fn recipients(&self, owner: &Owner) -> Result<Vec<(UserId, Option<String>)>> {
        match owner {
            Owner::User(user) => Ok(vec![(user.clone(), None)]),
            Owner::Org(id) => {
                let Some(found) = self.store.orgs().get(id).await? else {
                    return Ok(Vec::new());
                };
                let members = self.store.orgs().members(id).await?;
                let admins = members.into_iter().filter(|membership| membership.role.administers());
                Ok(admins
                    .map(|membership| (membership.member, Some(found.org.name.clone())))
                    .collect())
            }
        }
    }

    /// Returns the latest alerts about the limits of a member and their organization, newest first.
    pub fn token_alerts<'a>(&'a self, membership: &'a Membership) -> BoxFuture<'a, Result<Vec<Alert>>> {
        Box::pin(async move {
            let ledger = self.store.ledger();
            let (user, org) = (
                Owner::User(membership.member.clone()),
                Owner::Org(membership.org.clone()),
            );
            let (mut alerts, of_org) = futures::try_join!(ledger.alerts(&user, LISTED), ledger.alerts(&org, LISTED))?;
            alerts.extend(of_org);
            alerts.sort_by_key(|alert| std::cmp::Reverse((alert.at, alert.percent)));
            Ok(alerts)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reached_exactly_at_its_tokens() {
        let of = |used, limit| {
            share(&TokenLimit {
                scope: TokenScope::User,
                limit,
                used,
                reserved: 0,
                resets_at: None,
            })
        };
        let shares = [49, 50, 79, 80, 99, 100, 200].map(|used| of(used, 100));
        assert_eq!(
            shares,
            [None, Some(50), Some(50), Some(80), Some(80), Some(100), Some(100)]
        );
        assert_eq!(of(1, 3), None);
        assert_eq!(of(2, 3), Some(50));
    }
}
