//! `/ai/usage`: the usage of the organization.

use domain::{GroupBy, Permission, auth::permission::ReadAccount};
use http_api::{Ctx, Json, May, Query, Result};
use schemars::JsonSchema;
use serde::Serialize;

use crate::view::{Grouped, ReportView};

/// Whose usage is shown.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Covers {
    /// All members'.
    Organization,
    /// The caller's own.
    Own,
}

/// The usage of an organization.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AiUsage {
    org_id: String,
    /// Whose usage is shown: that of all members to owners and admins of the organization.
    covers: Covers,
    #[serde(flatten)]
    report: ReportView,
}

pub(crate) async fn get_ai_usage(
    app: Ctx,
    member: May<ReadAccount>,
    Query(query): Query<Grouped>,
) -> Result<Json<AiUsage>> {
    let permission = Permission::ReadOrgUsage;
    let whole = permission.is_granted_to(member.org.role) && member.identity.reaches(permission);
    let report = app.org_usage(&member.org, whole, query.period()).await?;
    Ok(Json(AiUsage {
        org_id: member.org.org.to_string(),
        covers: if whole { Covers::Organization } else { Covers::Own },
        report: ReportView::of(&report, query.group_by.unwrap_or(GroupBy::Day)),
    }))
}
