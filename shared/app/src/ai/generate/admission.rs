//! Under which terms a call is made: the limits that hold now.

use domain::{ApiKeyId, Error, Org, Quota, Result, TokenLimit, TokenScope};
use futures::future::BoxFuture;
use store::QuotaSubjects;

use super::BillingContext;
use crate::{App, KeyGrant, orgs::NO_ORG, rate_limit::model_requests::pace_of_user};

/// An organization with the limits of one of its members.
pub(crate) struct Admission {
    pub(crate) org: Org,
    pub(crate) subjects: QuotaSubjects,
}

impl App {
    /// The limits of a payer who asks a model, which is counted as a request of their key and organization, or refused.
    /// What is reserved counts as one of theirs; who reserves nothing then is [`App::turned_away`].
    pub(super) fn admit<'a>(&'a self, billing: &'a BillingContext) -> BoxFuture<'a, Result<Admission>> {
        Box::pin(async move {
            let mut terms = if let Some(org) = billing.known_org() {
                futures::try_join!(self.terms(billing), self.keep_pace(billing, org))?.0
            } else {
                let terms = self.terms(billing).await?;
                self.keep_pace(billing, &terms.org).await?;
                terms
            };
            terms.subjects.user_pace = Some(pace_of_user(&terms.org));
            Ok(terms)
        })
    }

    /// The limits of a payer. They are read anew for each request: a limit that was changed holds from the next one on.
    pub(crate) async fn terms(&self, billing: &BillingContext) -> Result<Admission> {
        let known = billing.known_org();
        let mut wanted = vec![billing.org.clone(), billing.personal_org.clone()];
        wanted.dedup();
        wanted.retain(|id| known.is_none_or(|known| known.id != *id));
        let mut found = self.store.orgs().get_many(&wanted).await?;
        let org = match known {
            Some(known) => known.clone(),
            None => found.remove(&billing.org).ok_or(NO_ORG)?.org,
        };
        let now = self.clock.now();
        let org_day = org.day(now)?;
        let user_day = match found.remove(&billing.personal_org) {
            Some(personal) => personal.org.day(now)?,
            None if org.personal => org_day,
            None => return Err(Error::internal("an account without its organization")),
        };
        let plan = org.plan.limits().tokens_per_day;
        let subjects = QuotaSubjects {
            user: billing.user.clone(),
            user_day,
            user_pace: None,
            user_limit: billing.daily_limit.unwrap_or_else(|| Quota::default_limit(plan)),
            org_limit: (!org.personal).then_some(plan),
            org: org.id.clone(),
            org_day,
            key: billing.key.as_ref().map(|key| key.id.clone()),
            key_budgets: billing.key.as_ref().map_or_else(Vec::new, budgets),
            chatbot: billing.chatbot.clone(),
            chatbot_cap: billing.chatbot_cap,
        };
        Ok(Admission { org, subjects })
    }

    /// Where the limits of a payer stand.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the organization was deleted meanwhile.
    pub fn token_limits<'a>(&'a self, billing: &'a BillingContext) -> BoxFuture<'a, Result<Vec<TokenLimit>>> {
        Box::pin(async move {
            let terms = self.terms(billing).await?;
            let mut limits = self.store.ledger().standings(&terms.subjects).await?;
            // Of several budgets of keys the one that leaves the least.
            let of_key = |limit: &TokenLimit| limit.scope == TokenScope::Key;
            let tightest = limits
                .iter()
                .filter(|limit| of_key(limit))
                .min_by_key(|limit| limit.remaining());
            let tightest = tightest.cloned();
            limits.retain(|limit| !of_key(limit));
            limits.extend(tightest);
            Ok(limits)
        })
    }
}

/// The budgets that a key draws on.
fn budgets(key: &KeyGrant) -> Vec<(ApiKeyId, u64)> {
    let chain = key.chain();
    chain
        .filter_map(|(id, budget, _)| Some((id.clone(), budget?)))
        .collect()
}
