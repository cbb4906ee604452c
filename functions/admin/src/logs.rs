//! Audit log entries of all organizations and recent failures, as one list.

use app::{AuditFilter, Failure, FailureFilter, LogEntry};
use domain::{AuditEntry, Timestamp, audit::Actor};
use http_api::{Ctx, Listing, Paging, PlatformAdmin, Query, QueryTime, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The entries to list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// `audit` or `error`; both if omitted.
    source: Option<Source>,
    /// Audit log entries: the action.
    action: Option<String>,
    /// Audit log entries: ID of the actor.
    actor: Option<String>,
    /// Audit log entries: ID of the target.
    subject: Option<String>,
    /// Failures: the error `code` of the response.
    code: Option<String>,
    /// Failures: the path template of the operation.
    route: Option<String>,
    /// Created at or after this time (RFC 3339), or after the start of this day (UTC).
    from: Option<QueryTime>,
    /// Created before this time (RFC 3339), or before the end of this day (UTC).
    to: Option<QueryTime>,
    /// Number of days until `to`, or until now; instead of `from`.
    #[schemars(range(min = 1, max = QueryTime::MAX_DAYS))]
    days: Option<u32>,
}

/// Where an entry comes from.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// The audit log.
    Audit,
    /// A request that failed with a server error.
    Error,
}

/// An audit log entry or a failure.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LogView {
    id: String,
    source: Source,
    /// `info` for audit log entries, `error` for failures.
    level: &'static str,
    timestamp: Timestamp,
    /// The action, or the method, the path template and the error `code` of the response.
    message: String,
    /// ID of the request in the logs of the functions.
    request_id: Option<String>,
    /// Audit log entries: ID of the actor.
    actor: Option<Actor>,
    /// Audit log entries: ID of the organization.
    org_id: Option<String>,
    /// Audit log entries: type of the target.
    subject_kind: Option<String>,
    /// Audit log entries: ID of the target.
    subject_id: Option<String>,
    /// Failures: the HTTP status.
    status: Option<u16>,
    /// Failures: the error `code` of the response.
    code: Option<String>,
    /// Failures: the path template of the operation.
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
    let includes = |source| filter.source.is_none_or(|only| only == source);
    let of_audit = includes(Source::Audit).then_some(&of_audit);
    let of_failures = includes(Source::Error).then_some(&of_failures);
    let found = app.platform_log(of_audit, of_failures, &page).await?;
    page.answer(found.map(|entry| match entry {
        LogEntry::Audit(entry) => LogView::from(*entry),
        LogEntry::Failure(failure) => LogView::from(failure),
    }))
}
