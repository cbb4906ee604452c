//! The audit log (document 000): who did what. The system writes most of it; clients add entries of their own.
//! Nothing is ever changed or removed.

mod view;

use app::ClientEntry;
use domain::{
    AuditEntryId, Error, JsonObject, PlatformRole, UserId,
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
            "Create an audit log entry. For entries of the client's own, which are listed as `client.entry`; \
             nothing changes or removes them.",
        )
        .get(
            "",
            list_audit_logs,
            "List the audit log of the organization. Newest first.",
        )
        .get(
            "/{log_id}",
            get_audit_log,
            "Get an audit log entry. One's own, one of an organization that the caller administers, or any for \
             platform admins.",
        )
        .get(
            "/user/{user_id}",
            list_user_audit_logs,
            "List the audit log of a user. What they did and what was done to them, newest first; with an API key, in \
             its organization only.",
        )
}

/// A client's own entry.
#[derive(Deserialize, Validate, JsonSchema)]
struct NewAuditLog {
    /// The caller's own id; may be left out.
    #[garde(skip)]
    user_id: Option<UserId>,
    /// What was done, in the client's words.
    #[garde(length(chars, max = 200), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    action: String,
    /// Anything about it; 16 KB of JSON at most.
    #[garde(skip)]
    details: Option<JsonObject>,
}

/// Which entries are wanted.
#[derive(Deserialize, JsonSchema)]
struct Filter {
    /// What was done, as in `member.role_changed`; `client.entry` for what clients wrote.
    action: Option<String>,
    /// Id of the user who did it.
    actor: Option<String>,
    /// Id of what it was done to.
    subject: Option<String>,
    /// Not before this time (RFC 3339), or the beginning of this day (UTC).
    from: Option<QueryTime>,
    /// Before this time (RFC 3339), or the end of this day (UTC).
    to: Option<QueryTime>,
    /// The last days until `to`, or until now, in place of `from`.
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
    if new.user_id.is_some_and(|named| named != *user) {
        let refused = Error::Forbidden {
            code: "foreign_user_id",
            detail: "An entry can be about the own account only; leave `user_id` out.",
        };
        return Err(refused.into());
    }
    let client = ClientEntry {
        action: new.action,
        details: new.details,
    };
    let record = app
        .note_client_entry(&member.org.org, &member.actor(), user, client)
        .await?;
    Ok(Created(record.into()))
}

/// The caller's own entries (an API key's within its organization), those of an organization for its admins, all for platform admins; others are not there.
async fn get_audit_log(app: Ctx, member: May<ReadAudit>, Path(path): Path<LogPath>) -> Result<Json<AuditLogView>> {
    let (user, org) = (&member.identity.user, &member.org);
    let found = app.audit_log_entry(&path.log_id).await?.filter(|record| {
        let entry = &record.entry;
        let reaches = member.identity.only_org().is_none_or(|only| *only == entry.tenant);
        let is_own = reaches && (entry.subject == user.id.0 || entry.actor.id.as_deref() == Some(user.id.as_str()));
        let is_of_org = entry.tenant == org.org && is_readable(&member);
        is_own || is_of_org || (user.role == PlatformRole::Admin && member.identity.is_person())
    });
    let record = found.ok_or(Error::NotFound("audit log entry"))?;
    Ok(Json(record.into()))
}

/// Whether the caller may read the log of the whole organization.
fn is_readable(member: &May<ReadAudit>) -> bool {
    let permission = domain::Permission::ReadOrgAudit;
    permission.is_granted_to(member.org.role) && member.identity.reaches(permission)
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
