//! Admission: the limits that apply to a model call.

use domain::{ApiKeyId, Error, Org, Quota, Result, TokenLimit, TokenScope};
use futures::future::BoxFuture;
use store::QuotaSubjects;

use super::BillingContext;
use crate::{App, KeyGrant, orgs::NO_ORG, rate_limit::model_requests::request_limit_of_user};

/// An organization with the limits of one of its members.
pub(crate) struct Admission {
    pub(crate) org: Org,
    pub(crate) subjects: QuotaSubjects,
}

impl App {
    /// Returns the caller's limits for a model request and counts the request against their key and organization, or
    /// rejects it. A reservation then counts as a request of the user; without one, [`App::without_reservation`] decides.
    pub(super) fn admit<'a>(&'a self, billing: &'a BillingContext) -> BoxFuture<'a, Result<Admission>> {
        Box::pin(async move {
            let mut terms = if let Some(org) = billing.known_org() {
                futures::try_join!(self.terms(billing), self.count_model_request(billing, org))?.0
            } else {
                let terms = self.terms(billing).await?;
                self.count_model_request(billing, &terms.org).await?;
                terms
            };
            terms.subjects.user_request_limit = Some(request_limit_of_user(&terms.org, self.clock.now()));
            Ok(terms)
        })
    }

    /// Returns the caller's limits. They are read for each request, so that a changed limit applies from the next one.
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
        let limit = org.entitlements(now).limits.tokens_per_day;
        let org_overage = org.overage_terms();
        // A member is not limited to less than the organization itself.
        let most = limit.saturating_add(org_overage.map_or(0, |terms| terms.max_tokens()));
        let subjects = QuotaSubjects {
            user: billing.user.clone(),
            user_day,
            user_request_limit: None,
            user_limit: billing.daily_limit.unwrap_or_else(|| Quota::default_limit(most)),
            org_limit: (!org.personal).then_some(limit),
            org_overage,
            org: org.id.clone(),
            org_day,
            key: billing.key.as_ref().map(|key| key.id.clone()),
            key_budgets: billing.key.as_ref().map_or_else(Vec::new, budgets),
            chatbot: billing.chatbot.clone(),
            chatbot_cap: billing.chatbot_cap,
        };
        Ok(Admission { org, subjects })
    }

    /// Returns the state of the caller's token limits.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the organization was deleted in the meantime.
    pub fn token_limits<'a>(&'a self, billing: &'a BillingContext) -> BoxFuture<'a, Result<Vec<TokenLimit>>> {
        Box::pin(async move {
            let terms = self.terms(billing).await?;
            let mut limits = self.store.ledger().standings(&terms.subjects).await?;
            // Of several key budgets, report the one with the least remaining.
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

/// Returns the budgets that a key counts toward.
fn budgets(key: &KeyGrant) -> Vec<(ApiKeyId, u64)> {
    let chain = key.chain();
    chain
        .filter_map(|(id, budget, _)| Some((id.clone(), budget?)))
        .collect()
}
