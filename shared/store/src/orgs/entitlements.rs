//! What platform admins set for an organization beside its plan: an attribute of the organization, which every request
//! reads anyway.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AuditEntry, EntitlementOverrides, Org, Result, UserId};

use super::{ALIVE, OrgWrite, Orgs};
use crate::{
    keys,
    table::item::{Transaction, part, value},
};

/// The condition that the overrides of an organization are as they were read, with its value if it has one.
pub(super) fn unchanged(org: &Org) -> Result<(&'static str, Option<AttributeValue>)> {
    Ok(match &org.overrides {
        Some(overrides) => ("overrides = :overrides", Some(value(overrides)?)),
        None => ("attribute_not_exists(overrides)", None),
    })
}

impl Orgs {
    /// Replaces the overrides of an organization, as it was read, if `admin` is still a platform admin; `None` removes
    /// them. Returns [`OrgWrite::Gone`] if not, [`OrgWrite::Changed`] if another request changed them first or the
    /// organization was deleted.
    pub async fn set_overrides(
        &self,
        admin: Option<&UserId>,
        before: &Org,
        after: Option<&EntitlementOverrides>,
        entry: &AuditEntry,
    ) -> Result<OrgWrite> {
        let (same, old) = unchanged(before)?;
        let update = self
            .0
            .identity()
            .part_update(&keys::org(&before.id))
            .condition_expression(format!("{ALIVE} AND {same}"));
        let update = match old {
            Some(old) => update.expression_attribute_values(":overrides", old),
            None => update,
        };
        let update = match after {
            Some(after) => update
                .update_expression("SET overrides = :new")
                .expression_attribute_values(":new", value(after)?),
            None => update.update_expression("REMOVE overrides"),
        };
        let mut parts = vec![part(update)?];
        if let Some(admin) = admin {
            parts.push(self.0.still_admin(admin)?);
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(0) => OrgWrite::Changed,
            Transaction::Refused(_) => OrgWrite::Gone,
        })
    }
}
