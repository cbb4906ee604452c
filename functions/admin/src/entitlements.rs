//! What organizations may use beside their plans.

use std::collections::BTreeMap;

use app::EntitlementsFound;
use domain::{
    EntitlementOverrides, Feature, OrgId, Plan, Timestamp,
    orgs::{
        entitlements::{LimitOverrides, LimitSources},
        plan::Limits,
    },
};
use garde::Validate;
use http_api::{Body, Ctx, Json, Path, PlatformAdmin, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub(crate) struct OrgPath {
    org_id: OrgId,
}

/// Limits and features to set for an organization. Replaces all that were set before; without any, the plan applies
/// alone.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "EntitlementsUpdate")]
#[garde(allow_unvalidated)]
pub(crate) struct EntitlementsInput {
    /// Limits that replace those of the plan, also after a change of plan. The omitted ones are the plan's.
    limits: Option<LimitOverrides>,
    /// Features by name: `true` gives one, `false` takes it, whatever the plan includes.
    features: Option<BTreeMap<Feature, bool>>,
    /// Why. Shown to platform admins, and in the audit log of the organization.
    #[garde(length(chars, min = 1, max = EntitlementOverrides::MAX_REASON))]
    reason: String,
    /// From when on the plan applies alone again; never if omitted.
    expires_at: Option<Timestamp>,
}

/// What an organization may use, and what of it a platform admin has set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrgEntitlements")]
pub(crate) struct EntitlementsView {
    org_id: String,
    plan_type: Plan,
    /// The limits that apply.
    limits: Limits,
    /// Where each limit comes from.
    limit_sources: LimitSources,
    /// The features that the organization has.
    features: Vec<Feature>,
    /// What was set for the organization, expired or not; null if nothing was.
    overrides: Option<OverridesView>,
}

/// What a platform admin has set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EntitlementOverrides")]
struct OverridesView {
    limits: LimitOverrides,
    features: BTreeMap<Feature, bool>,
    reason: String,
    /// From when on the plan applies alone again; null if that is not planned.
    expires_at: Option<Timestamp>,
    set_at: Timestamp,
}

impl From<EntitlementsFound> for EntitlementsView {
    fn from(found: EntitlementsFound) -> Self {
        let EntitlementsFound { org, own } = found;
        Self {
            org_id: org.id.0,
            plan_type: own.plan,
            limits: own.limits,
            limit_sources: own.sources,
            features: own.features(),
            overrides: org.overrides.map(|overrides| OverridesView {
                limits: overrides.limits,
                features: overrides.features,
                reason: overrides.reason,
                expires_at: overrides.expires_at,
                set_at: overrides.set_at,
            }),
        }
    }
}

pub(crate) async fn get_org_entitlements(
    app: Ctx,
    _: PlatformAdmin,
    Path(path): Path<OrgPath>,
) -> Result<Json<EntitlementsView>> {
    Ok(Json(app.entitlements(&path.org_id).await?.into()))
}

pub(crate) async fn set_org_entitlements(
    app: Ctx,
    admin: PlatformAdmin,
    Path(path): Path<OrgPath>,
    Body(input): Body<EntitlementsInput>,
) -> Result<Json<EntitlementsView>> {
    let new = EntitlementOverrides {
        limits: input.limits.unwrap_or_default(),
        features: input.features.unwrap_or_default(),
        reason: input.reason.trim().to_owned(),
        expires_at: input.expires_at,
        set_at: app.clock.now(),
    };
    let found = app.set_entitlements(&admin.actor(), &path.org_id, new).await?;
    Ok(Json(found.into()))
}
