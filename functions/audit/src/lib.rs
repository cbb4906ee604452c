//! The audit log: who did what. The system writes most entries; clients add their own. Entries are never changed or
//! removed.

mod view;

use app::ClientEntry;
use domain::{
    AuditEntryId, JsonObject, UserId,
    auth::permission::{ReadAudit, ReadOrgAudit, WriteAudit},
};
use garde::Validate;
use http_api::{
    Api, Body, Created, Ctx, Json, Listing, May, Paging, Path, Query, QueryTime, Result, SelfOrAdmin, not_blank,
};
use schemars::JsonSchema;
use serde::Deserialize;

use view::AuditLogView;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Audit log")
        .at("/api/v1/audit_logs")
        .post(
            "",
            create_audit_log,
            "Create an audit log entry. For the client's own entries, which are listed as `client.entry`; \
             they cannot be changed or removed.",
        )
        .get(
            "",
            list_audit_logs,
            "List the audit log of the organization. Newest first.",
        )
        .get(
            "/{log_id}",
            get_audit_log,
            "Get an audit log entry. One of the caller's own, one of an organization that the caller administers, \
             or any for platform admins.",
        )
        .get(
            "/user/{user_id}",
            list_user_audit_logs,
            "List the audit log of a user. What they did and what was done to them, newest first; with an API key, \
             only in its organization.",
        )
}

/// An entry by the client.
#[derive(Deserialize, Validate, JsonSchema)]
struct NewAuditLog {
    /// The caller's own user ID; may be omitted.
    #[garde(skip)]
    user_id: Option<UserId>,
    /// The action, in the client's terms.
    #[garde(length(chars, max = 200), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    action: String,
    /// Additional data; at most 16 KB of JSON.
    #[garde(skip)]
    details: Option<JsonObject>,
}

/// The entries to list.
#[derive(Deserialize, JsonSchema)]
struct Filter {
    /// The action, for example `member.role_changed`; `client.entry` for entries by clients.
    action: Option<String>,
    /// ID of the actor.
    actor: Option<String>,
    /// ID of the target.
    subject: Option<String>,
    /// Created at or after this time (RFC 3339), or after the start of this day (UTC).
    from: Option<QueryTime>,
    /// Created before this time (RFC 3339), or before the end of this day (UTC).
    to: Option<QueryTime>,
    /// Number of days until `to`, or until now; instead of `from`.
    #[schemars(range(min = 1, max = QueryTime::MAX_DAYS))]
    days: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
struct LogPath {
    log_id: AuditEntryId,
}

async fn create_audit_log(
    app: Ctx,
    member: May<WriteAudit>,
    Body(new): Body<NewAuditLog>,
) -> Result<Created<AuditLogView>> {
    let user = &member.identity.user.id;
    member.identity.check_own_id(new.user_id.as_ref())?;
    let client = ClientEntry {
        action: new.action,
        details: new.details,
    };
    let record = app
        .record_client_entry(&member.org.org, &member.actor(), user, client)
        .await?;
    Ok(Created(record.into()))
}

async fn get_audit_log(app: Ctx, member: May<ReadAudit>, Path(path): Path<LogPath>) -> Result<Json<AuditLogView>> {
    let record = app.audit_log_entry(&member.identity, &member.org, &path.log_id).await?;
    Ok(Json(record.into()))
}

async fn list_audit_logs(
    app: Ctx,
    admin: May<ReadOrgAudit>,
    Query(filter): Query<Filter>,
    page: Paging,
) -> Result<Listing<AuditLogView>> {
    let from = QueryTime::first(filter.from, filter.to, filter.days, app.clock.now())?;
    let filter = app::AuditFilter {
        action: filter.action,
        actor: filter.actor,
        subject: filter.subject,
        from,
        to: filter.to.map(QueryTime::end),
    };
    let found = app.audit_log_of_org(&admin.org.org, &filter, &page).await?;
    page.answer(found.map(AuditLogView::from))
}

async fn list_user_audit_logs(app: Ctx, about: SelfOrAdmin<ReadAudit>, page: Paging) -> Result<Listing<AuditLogView>> {
    let found = app
        .audit_log_of_user(&about.user, about.identity.only_org(), &page)
        .await?;
    page.answer(found.map(AuditLogView::from))
}
