//! Rate limits of model requests: by user and organization according to the plan, by API key, and by network for
//! visitors who have not signed in. A user's requests are counted in the write that reserves their tokens; all others
//! have a bucket of their own.

use std::{num::NonZeroUsize, time::Duration};

use domain::{
    Error, LimitReached, Network, Org, RateLimitStatus, Result, Timestamp, UserId,
    orgs::entitlements::EntitlementSource,
    rate_limit::{ANONYMOUS_PER_MINUTE, Bucket},
};
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use store::{QuotaSubjects, RequestRateLimit, keys};

use crate::{App, BillingContext, KeyGrant, platform::cache::BoundedCache};

/// Callers who must wait, cached so that repeated requests cost nothing.
pub(crate) struct RateLimitCache(BoundedCache<String, i64>);

impl Default for RateLimitCache {
    fn default() -> Self {
        Self(BoundedCache::with_capacity(NonZeroUsize::MIN.saturating_add(4095)))
    }
}

/// A rate limit of one subject.
struct Rule {
    who: String,
    policy: &'static str,
    per_minute: u32,
}

impl Rule {
    /// Returns its key in the table: a digest rather than an ID, so that an erasure leaves nothing behind.
    fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.who))
    }
}

/// Returns a user's rate limit: that of an organization of the plan, across all organizations of that plan, so that
/// creating organizations gains nothing. Those with a limit of their own are counted apart.
pub(crate) fn request_limit_of_user(org: &Org, now: Timestamp) -> RequestRateLimit {
    let own = org.entitlements(now);
    RequestRateLimit {
        plan: org.plan.name(),
        per_minute: own.limits.requests_per_minute,
        is_override: own.sources.requests_per_minute == EntitlementSource::Override,
    }
}

/// Returns a user's rate limit as a rule. Its bucket counts the requests for which nothing could be reserved.
fn rule_of_user(user: &UserId, rate_limit: RequestRateLimit) -> Rule {
    Rule {
        who: format!("U#{user}#{}", rate_limit.name()),
        policy: "user",
        per_minute: rate_limit.per_minute,
    }
}

/// Returns the other rules for a caller. Those of the key and its ancestors come first, so that requests wasted by one
/// key do not count against the others. The personal organization belongs to its user alone and needs no rule of its
/// own.
fn rules(billing: &BillingContext, org: &Org, now: Timestamp) -> Vec<Rule> {
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
        per_minute: org.entitlements(now).limits.requests_per_minute,
    });
    of_keys.chain(of_org).collect()
}

impl App {
    /// Counts a model request against all rules but the user's, or rejects it.
    pub(crate) async fn count_model_request(&self, billing: &BillingContext, org: &Org) -> Result<()> {
        let (mut counted, now) = (Vec::new(), self.clock.now());
        for rule in rules(billing, org, now) {
            if let Err(error) = self.count(&rule).await {
                self.uncount(&counted).await?;
                return Err(error);
            }
            counted.push(rule);
        }
        if let Err(error) = self.check_cached_rejection(&rule_of_user(&billing.user, request_limit_of_user(org, now))) {
            self.uncount(&counted).await?;
            return Err(error);
        }
        Ok(())
    }

    /// Returns the error for a user whose requests are too frequent.
    pub(crate) fn too_many_requests(&self, subjects: &QuotaSubjects, wait: Duration) -> Error {
        match subjects.user_request_limit {
            Some(rate_limit) => self.reject(&rule_of_user(&subjects.user, rate_limit), wait),
            None => Error::internal("a request was rejected by a rate limit that does not count it"),
        }
    }

    /// Returns the error for a request for which nothing was reserved. A request above the user's rate does not count
    /// against the other rules, and a user who keeps sending requests without tokens left must wait, which costs
    /// nothing.
    pub(crate) async fn without_reservation(
        &self,
        billing: &BillingContext,
        org: &Org,
        subjects: &QuotaSubjects,
        error: Error,
    ) -> Error {
        let (Error::Limit(limit), Some(rate_limit)) = (&error, subjects.user_request_limit) else {
            return error;
        };
        let noted = match &**limit {
            LimitReached::Requests(_) => self.uncount(&rules(billing, org, self.clock.now())).await,
            LimitReached::Tokens { .. } => match self.count(&rule_of_user(&billing.user, rate_limit)).await {
                Err(Error::Limit(_)) => Ok(()),
                counted => counted,
            },
            LimitReached::Plan(_) => Ok(()),
        };
        noted.err().unwrap_or(error)
    }

    /// Counts a model request of a visitor who has not signed in, or rejects it.
    ///
    /// # Errors
    /// Returns [`Error::Limit`].
    pub(crate) async fn count_request_of_network(&self, network: &Network) -> Result<()> {
        let rule = Rule {
            who: format!("N#{}", network.as_str()),
            policy: "network",
            per_minute: ANONYMOUS_PER_MINUTE,
        };
        self.count(&rule).await
    }

    /// Returns a caller's current request rates without counting a request.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the organization was deleted in the meantime.
    pub fn rate_limits<'a>(&'a self, billing: &'a BillingContext) -> BoxFuture<'a, Result<Vec<RateLimitStatus>>> {
        Box::pin(async move {
            let terms = self.terms(billing).await?;
            let now = self.clock.now();
            let mut rate_limits = Vec::new();
            let rate_limit = |rule: &Rule, (remaining, retry_after)| RateLimitStatus {
                policy: rule.policy,
                per_minute: rule.per_minute,
                remaining,
                retry_after,
            };
            for rule in rules(billing, &terms.org, now) {
                let (key, bucket) = (keys::request_rate(&rule.digest()), Bucket::per_minute(rule.per_minute));
                rate_limits.push(rate_limit(
                    &rule,
                    self.store.rate_limits().peek(&key, bucket, now).await?,
                ));
            }
            let (ledger, limit) = (self.store.ledger(), request_limit_of_user(&terms.org, now));
            let of_user = ledger
                .request_rate(&terms.subjects, limit, now.as_millisecond())
                .await?;
            // Before the organization's rate, which is the last one if there is one.
            let before_org = rate_limits.len() - usize::from(!terms.org.personal);
            rate_limits.insert(before_org, rate_limit(&rule_of_user(&billing.user, limit), of_user));
            Ok(rate_limits)
        })
    }

    async fn count(&self, rule: &Rule) -> Result<()> {
        self.check_cached_rejection(rule)?;
        let (key, bucket) = (keys::request_rate(&rule.digest()), Bucket::per_minute(rule.per_minute));
        match self.store.rate_limits().check(&key, bucket, self.clock.now()).await? {
            Ok(()) => Ok(()),
            Err(wait) => Err(self.reject(rule, wait)),
        }
    }

    /// Rejects callers who must wait, until they have.
    fn check_cached_rejection(&self, rule: &Rule) -> Result<()> {
        let now_ms = self.clock.now_ms();
        match self.denied.0.get(&rule.who).filter(|until| *until > now_ms) {
            Some(until) => Err(too_fast(rule, Duration::from_millis((until - now_ms).unsigned_abs()))),
            None => Ok(()),
        }
    }

    /// Rejects a caller, and caches until when.
    fn reject(&self, rule: &Rule, wait: Duration) -> Error {
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
    Error::Limit(Box::new(LimitReached::Requests(RateLimitStatus {
        policy: rule.policy,
        per_minute: rule.per_minute,
        remaining: 0,
        retry_after,
    })))
}
