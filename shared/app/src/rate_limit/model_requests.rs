//! How fast questions to models may come: by person and organization as the plan says, by API key, and by network for
//! people who have not signed in. A person's questions are counted where their tokens are reserved, in the same write; all
//! others have a bucket of their own.

use std::{num::NonZeroUsize, time::Duration};

use domain::{
    Error, LimitReached, Network, Org, Pace, Result, UserId,
    rate_limit::{ANONYMOUS_PER_MINUTE, Bucket},
};
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use store::{QuotaSubjects, RequestRateLimit, keys};

use crate::{App, BillingContext, KeyGrant, platform::cache::BoundedCache};

/// Whoever has to wait is remembered here, so that asking again and again costs nothing.
pub(crate) struct RateLimitCache(BoundedCache<String, i64>);

impl Default for RateLimitCache {
    fn default() -> Self {
        Self(BoundedCache::with_capacity(NonZeroUsize::MIN.saturating_add(4095)))
    }
}

/// A limit of someone.
struct Rule {
    who: String,
    policy: &'static str,
    per_minute: u32,
}

impl Rule {
    /// What names them in a table: no ID, so that nothing is left to be erased.
    fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.who))
    }
}

/// How fast a person may ask: as fast as an organization of the plan, in all organizations of that plan together, so no one
/// gets more by making organizations.
pub(crate) fn pace_of_user(org: &Org) -> RequestRateLimit {
    RequestRateLimit {
        plan: org.plan.name(),
        per_minute: org.plan.limits().requests_per_minute,
    }
}

/// The same as a rule. Its bucket has the questions for which nothing could be reserved.
fn rule_of_user(user: &UserId, pace: RequestRateLimit) -> Rule {
    Rule {
        who: format!("U#{user}#{}", pace.plan),
        policy: "user",
        per_minute: pace.per_minute,
    }
}

/// The other rules for a payer. Those of the key and the keys above it come first: what one key wastes is not taken from
/// the others. The personal organization is its person's alone and needs no rule of its own.
fn rules(billing: &BillingContext, org: &Org) -> Vec<Rule> {
    let chain = billing.key.iter().flat_map(KeyGrant::chain);
    let of_keys = chain.filter_map(|(id, _, per_minute)| {
        Some(Rule {
            who: format!("K#{id}"),
            policy: "key",
            per_minute: per_minute?,
        })
    });
    let of_org = (!org.personal).then(|| Rule {
        who: format!("O#{}", org.id),
        policy: "org",
        per_minute: org.plan.limits().requests_per_minute,
    });
    of_keys.chain(of_org).collect()
}

impl App {
    /// Counts a question to a model for all but its person, or refuses it.
    pub(crate) async fn keep_pace(&self, billing: &BillingContext, org: &Org) -> Result<()> {
        let mut counted = Vec::new();
        for rule in rules(billing, org) {
            if let Err(error) = self.count(&rule).await {
                self.uncount(&counted).await?;
                return Err(error);
            }
            counted.push(rule);
        }
        if let Err(error) = self.may_ask_again(&rule_of_user(&billing.user, pace_of_user(org))) {
            self.uncount(&counted).await?;
            return Err(error);
        }
        Ok(())
    }

    /// The refusal of a person who asks too fast.
    pub(crate) fn asked_too_fast(&self, subjects: &QuotaSubjects, wait: Duration) -> Error {
        match subjects.user_pace {
            Some(pace) => self.deny(&rule_of_user(&subjects.user, pace), wait),
            None => Error::internal("what is not counted came too fast"),
        }
    }

    /// What becomes of a question for which nothing was reserved: who asked too fast has used nothing of the other rules,
    /// and who asks on and on with no tokens left is told to wait, which costs nothing.
    pub(crate) async fn turned_away(
        &self,
        billing: &BillingContext,
        org: &Org,
        subjects: &QuotaSubjects,
        error: Error,
    ) -> Error {
        let (Error::Limit(limit), Some(pace)) = (&error, subjects.user_pace) else {
            return error;
        };
        let noted = match &**limit {
            LimitReached::Requests(_) => self.uncount(&rules(billing, org)).await,
            LimitReached::Tokens { .. } => match self.count(&rule_of_user(&billing.user, pace)).await {
                Err(Error::Limit(_)) => Ok(()),
                counted => counted,
            },
            LimitReached::Plan(_) => Ok(()),
        };
        noted.err().unwrap_or(error)
    }

    /// Counts a question of someone who has not signed in, or refuses it.
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
    pub fn paces<'a>(&'a self, billing: &'a BillingContext) -> BoxFuture<'a, Result<Vec<Pace>>> {
        Box::pin(async move {
            let terms = self.terms(billing).await?;
            let now = self.clock.now();
            let mut paces = Vec::new();
            let pace = |rule: &Rule, (remaining, retry_after)| Pace {
                policy: rule.policy,
                per_minute: rule.per_minute,
                remaining,
                retry_after,
            };
            for rule in rules(billing, &terms.org) {
                let (key, bucket) = (keys::request_rate(&rule.digest()), Bucket::per_minute(rule.per_minute));
                paces.push(pace(&rule, self.store.rate_limits().peek(&key, bucket, now).await?));
            }
            let (ledger, limit) = (self.store.ledger(), pace_of_user(&terms.org));
            let of_user = ledger
                .request_rate(&terms.subjects, limit, now.as_millisecond())
                .await?;
            // In front of the organization's, the last one of those that have one.
            let before_org = paces.len() - usize::from(!terms.org.personal);
            paces.insert(before_org, pace(&rule_of_user(&billing.user, limit), of_user));
            Ok(paces)
        })
    }

    async fn count(&self, rule: &Rule) -> Result<()> {
        self.may_ask_again(rule)?;
        let (key, bucket) = (keys::request_rate(&rule.digest()), Bucket::per_minute(rule.per_minute));
        match self.store.rate_limits().check(&key, bucket, self.clock.now()).await? {
            Ok(()) => Ok(()),
            Err(wait) => Err(self.deny(rule, wait)),
        }
    }

    /// Refuses whoever was told to wait, until they have.
    fn may_ask_again(&self, rule: &Rule) -> Result<()> {
        let now_ms = self.clock.now_ms();
        match self.denied.0.get(&rule.who).filter(|until| *until > now_ms) {
            Some(until) => Err(too_fast(rule, Duration::from_millis((until - now_ms).unsigned_abs()))),
            None => Ok(()),
        }
    }

    /// Refuses someone, and remembers until when.
    fn deny(&self, rule: &Rule, wait: Duration) -> Error {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let until = self.clock.now_ms().saturating_add(wait_ms);
        self.denied.0.note(rule.who.clone(), until);
        too_fast(rule, wait)
    }

    async fn uncount(&self, rules: &[Rule]) -> Result<()> {
        for rule in rules {
            let (key, bucket) = (keys::request_rate(&rule.digest()), Bucket::per_minute(rule.per_minute));
            self.store.rate_limits().give_back(&key, bucket).await?;
        }
        Ok(())
    }
}

fn too_fast(rule: &Rule, retry_after: Duration) -> Error {
    Error::Limit(Box::new(LimitReached::Requests(Pace {
        policy: rule.policy,
        per_minute: rule.per_minute,
        remaining: 0,
        retry_after,
    })))
}
