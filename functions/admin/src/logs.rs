//! Audit entries of all organizations, and recent failures, as one list.

use app::{AuditFilter, Failure, FailureFilter, LogEntry};
use domain::{AuditEntry, Timestamp, audit::Actor};
use http_api::{Ctx, Listing, Paging, PlatformAdmin, Query, QueryTime, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which entries are wanted.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// `audit` or `error`; both when left out.
    source: Option<Source>,
    /// Audit entries: what was done.
    action: Option<String>,
    /// Audit entries: id of who did it.
    actor: Option<String>,
    /// Audit entries: id of what it was done to.
    subject: Option<String>,
    /// Failures: the `code` of the answer.
    code: Option<String>,
    /// Failures: the template of the path.
    route: Option<String>,
    /// Not before this time (RFC 3339), or the beginning of this day (UTC).
    from: Option<QueryTime>,
    /// Before this time (RFC 3339), or the end of this day (UTC).
    to: Option<QueryTime>,
    /// The last days until `to`, or until now, in place of `from`.
    #[schemars(range(min = 1, max = QueryTime::MAX_DAYS))]
    days: Option<u32>,
}

/// Where an entry comes from.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// The audit log.
    Audit,
    /// A request that failed by our fault.
    Error,
}

/// An entry of the audit log, or a failure.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LogView {
    id: String,
    source: Source,
    /// `info` for audit entries, `error` for failures.
    level: &'static str,
    timestamp: Timestamp,
    /// What was done, or the method, the path's template and the `code` of the answer.
    message: String,
    /// The request in the logs of the functions.
    request_id: Option<String>,
    /// Audit entries: who did it.
    actor: Option<Actor>,
    /// Audit entries: the organization.
    org_id: Option<String>,
    /// Audit entries: the kind of thing it was done to.
    subject_kind: Option<String>,
    /// Audit entries: its id.
    subject_id: Option<String>,
    /// Failures: the HTTP status.
    status: Option<u16>,
    /// Failures: the `code` of the answer.
    code: Option<String>,
    /// Failures: the template of the path.
    route: Option<String>,
}

impl From<AuditEntry> for LogView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id.0,
            source: Source::Audit,
            level: "info",
            timestamp: entry.created_at,
            message: entry.action,
            request_id: entry.actor.request_id.clone(),
            actor: Some(entry.actor),
            org_id: Some(entry.tenant.0),
            subject_kind: Some(entry.subject_kind),
            subject_id: Some(entry.subject),
            status: None,
            code: None,
            route: None,
        }
    }
}

impl From<Failure> for LogView {
    fn from(failure: Failure) -> Self {
        Self {
            id: failure.id,
            source: Source::Error,
            level: "error",
            timestamp: failure.at,
            message: format!("{} {}: {}", failure.method, failure.route, failure.code),
            request_id: Some(failure.request_id),
            actor: None,
            org_id: None,
            subject_kind: None,
            subject_id: None,
            status: Some(failure.status),
            code: Some(failure.code),
            route: Some(failure.route),
        }
    }
}

pub(crate) async fn list_logs(
    app: Ctx,
    _: PlatformAdmin,
    Query(filter): Query<Filter>,
    page: Paging,
) -> Result<Listing<LogView>> {
    let from = QueryTime::first(filter.from, filter.to, filter.days, app.clock.now())?;
    let to = filter.to.map(QueryTime::end);
    let of_audit = AuditFilter {
        action: filter.action,
        actor: filter.actor,
        subject: filter.subject,
        from,
        to,
    };
    let of_failures = FailureFilter {
        code: filter.code,
        route: filter.route,
        from,
        to,
    };
    let wanted = |source| filter.source.is_none_or(|wanted| wanted == source);
    let of_audit = wanted(Source::Audit).then_some(&of_audit);
    let of_failures = wanted(Source::Error).then_some(&of_failures);
    let found = app.platform_log(of_audit, of_failures, &page).await?;
    page.answer(found.map(|entry| match entry {
        LogEntry::Audit(entry) => LogView::from(*entry),
        LogEntry::Failure(failure) => LogView::from(failure),
    }))
}
