//! How fast questions to models may come: by person and organization as the plan says, by API key, and by network for
//! people who have not signed in.

use std::num::NonZeroUsize;

use futures::future::BoxFuture;
use model::{
    Error, LimitReached, Network, Org, Pace, Result,
    throttle::{ANONYMOUS_PER_MINUTE, Bucket},
};
use sha2::{Digest as _, Sha256};
use store::keys;

use crate::{App, KeyGrant, Payer, known::Known};

/// Whoever has to wait is remembered here, so that asking again and again costs nothing.
pub(crate) struct Denied(Known<String, i64>);

impl Default for Denied {
    fn default() -> Self {
        Self(Known::at_most(NonZeroUsize::MIN.saturating_add(4095)))
    }
}

/// A limit of somebody.
struct Rule {
    who: String,
    policy: &'static str,
    per_minute: u32,
}

impl Rule {
    /// What names them in a table: no id, so that nothing is left to be erased.
    fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.who))
    }
}

/// The rules for a payer. Those of the key and the keys above it come first: what one key wastes is not taken from the
/// others. A person has as many requests a minute as an organization of the plan, in all organizations of that plan
/// together, so nobody gets more by making organizations. The personal one is its person's alone and needs no rule of its own.
fn rules(payer: &Payer, org: &Org) -> Vec<Rule> {
    let chain = payer.key.iter().flat_map(KeyGrant::chain);
    let of_keys = chain.filter_map(|(id, _, per_minute)| {
        Some(Rule {
            who: format!("K#{id}"),
            policy: "key",
            per_minute: per_minute?,
        })
    });
    let per_minute = org.plan.limits().requests_per_minute;
    let of_user = Rule {
        who: format!("U#{}#{}", payer.user, org.plan.name()),
        policy: "user",
        per_minute,
    };
    let of_org = (!org.personal).then(|| Rule {
        who: format!("O#{}", org.id),
        policy: "org",
        per_minute,
    });
    of_keys.chain([of_user]).chain(of_org).collect()
}

impl App {
    /// Counts a question to a model, or refuses it.
    pub(crate) async fn keep_pace(&self, payer: &Payer, org: &Org) -> Result<()> {
        let mut counted = Vec::new();
        for rule in rules(payer, org) {
            if let Err(error) = self.count(&rule).await {
                for rule in counted {
                    self.uncount(&rule).await?;
                }
                return Err(error);
            }
            counted.push(rule);
        }
        Ok(())
    }

    /// Counts a question of somebody who has not signed in, or refuses it.
    ///
    /// # Errors
    /// [`Error::Limit`].
    pub fn keep_pace_of_network<'a>(&'a self, network: &'a Network) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let rule = Rule {
                who: format!("N#{}", network.as_str()),
                policy: "network",
                per_minute: ANONYMOUS_PER_MINUTE,
            };
            self.count(&rule).await
        })
    }

    /// How fast a payer may ask now; nothing is counted.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the organization was deleted meanwhile.
    pub fn paces<'a>(&'a self, payer: &'a Payer) -> BoxFuture<'a, Result<Vec<Pace>>> {
        Box::pin(async move {
            let terms = self.terms(payer).await?;
            let now = self.clock.now();
            let mut paces = Vec::new();
            for rule in rules(payer, &terms.org) {
                let bucket = Bucket::per_minute(rule.per_minute);
                let key = keys::pace(&rule.digest());
                let (remaining, retry_after) = self.store.limits().peek(&key, bucket, now).await?;
                paces.push(Pace {
                    policy: rule.policy,
                    per_minute: rule.per_minute,
                    remaining,
                    retry_after,
                });
            }
            Ok(paces)
        })
    }

    async fn count(&self, rule: &Rule) -> Result<()> {
        let now = self.clock.now();
        let now_ms = now.as_millisecond();
        let refused = |wait_ms: i64| {
            Err(Error::Limit(Box::new(LimitReached::Requests(Pace {
                policy: rule.policy,
                per_minute: rule.per_minute,
                remaining: 0,
                retry_after: std::time::Duration::from_millis(wait_ms.unsigned_abs()),
            }))))
        };
        if let Some(until) = self.denied.0.get(&rule.who).filter(|until| *until > now_ms) {
            return refused(until - now_ms);
        }
        let bucket = Bucket::per_minute(rule.per_minute);
        match self
            .store
            .limits()
            .take(&keys::pace(&rule.digest()), bucket, now)
            .await?
        {
            Ok(()) => Ok(()),
            Err(wait) => {
                let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                self.denied.0.note(rule.who.clone(), now_ms.saturating_add(wait_ms));
                refused(wait_ms)
            }
        }
    }

    async fn uncount(&self, rule: &Rule) -> Result<()> {
        let bucket = Bucket::per_minute(rule.per_minute);
        self.store.limits().give_back(&keys::pace(&rule.digest()), bucket).await
    }
}
