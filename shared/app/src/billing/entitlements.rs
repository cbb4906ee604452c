//! What an organization may use: the one check of features, for every group of operations, and what platform admins set
//! beside the plan.

use domain::{
    Actor, EntitlementOverrides, Entitlements, Error, Feature, Org, OrgId, Result, UserId,
    orgs::entitlements::LimitOverrides,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use store::{OptimisticRetry, OrgWrite};

use crate::{App, admin::ADMIN_ONLY, audit::audit_event::AuditEvent, orgs::NO_ORG};

/// What an organization may use, as platform admins see it.
#[derive(Debug)]
pub struct EntitlementsFound {
    /// The organization.
    pub org: Org,
    /// What applies now.
    pub own: Entitlements,
}

impl App {
    /// Requires that an organization has a feature.
    ///
    /// # Errors
    /// Returns [`domain::Error::Forbidden`] `plan_required`, or [`domain::Error::NotFound`] if the organization was
    /// deleted.
    pub fn require_feature<'a>(&'a self, org: &'a OrgId, feature: Feature) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.entitlements_of(org).await?.require(feature) })
    }

    /// Returns what an organization may use.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an unknown or deleted organization.
    pub fn entitlements<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, Result<EntitlementsFound>> {
        Box::pin(async move {
            let org = self.store.orgs().get(org).await?.ok_or(NO_ORG)?.org;
            let own = org.entitlements(self.clock.now());
            Ok(EntitlementsFound { org, own })
        })
    }

    /// Replaces what platform admins have set for an organization; empty overrides remove it.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for a number outside of its range, for an end that is past, and without a reason;
    /// [`Error::NotFound`]; [`Error::Forbidden`] if the caller is no longer a platform admin.
    pub fn set_entitlements<'a>(
        &'a self,
        actor: &'a Actor,
        org: &'a OrgId,
        new: EntitlementOverrides,
    ) -> BoxFuture<'a, Result<EntitlementsFound>> {
        Box::pin(async move {
            new.limits.check()?;
            if new.reason.trim().is_empty() {
                return Err(Error::invalid("/reason", "must say why"));
            }
            if new.expires_at.is_some_and(|end| end <= self.clock.now()) {
                return Err(Error::invalid("/expires_at", "must be in the future"));
            }
            let after = Some(&new).filter(|new| !new.is_empty());
            let admin = actor.id.clone().map(UserId);
            let mut retry = OptimisticRetry::to_change("the limits of an organization");
            loop {
                retry.next().await?;
                let before = self.store.orgs().get(org).await?.ok_or(NO_ORG)?.org;
                let event = AuditEvent::to_org("org.entitlements_changed", org)
                    .before(facts(before.overrides.as_ref()))
                    .after(with_reason(facts(after), &new.reason));
                let entry = self.entry(actor, org, event)?;
                let orgs = self.store.orgs();
                match orgs.set_overrides(admin.as_ref(), &before, after, &entry).await? {
                    OrgWrite::Done => return self.entitlements(org).await,
                    OrgWrite::Gone => return Err(ADMIN_ONLY),
                    _ => {}
                }
            }
        })
    }
}

/// What the audit log says about overrides.
fn facts(overrides: Option<&EntitlementOverrides>) -> Value {
    let limits = overrides.map_or_else(LimitOverrides::default, |overrides| overrides.limits);
    json!({
        "limits": limits,
        "features": overrides.map(|overrides| &overrides.features),
        "expires_at": overrides.and_then(|overrides| overrides.expires_at),
    })
}

fn with_reason(mut facts: Value, reason: &str) -> Value {
    facts["reason"] = json!(reason);
    facts
}
