//! What is shown of an entry.

use app::AuditRecord;
use domain::{
    JsonObject, Timestamp,
    audit::{Actor, AuditSource},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditLogView {
    log_id: String,
    /// Who did it; null when it was the system or another service.
    user_id: Option<String>,
    /// What was done: a client's own words, or the system's, as in `member.role_changed`.
    action: String,
    /// What a client wrote; for entries of the system what was there before and after. Null when there is nothing,
    /// and once the person was erased.
    details: Option<JsonObject>,
    timestamp: Timestamp,
    /// The organization in whose log it is.
    org_id: String,
    actor: Actor,
    /// What kind of thing it was done to.
    subject_kind: String,
    /// Its id.
    subject_id: String,
    /// `server` when the system wrote it, `client` when a client did.
    source: AuditSource,
}

impl From<AuditRecord> for AuditLogView {
    fn from(AuditRecord { entry, client }: AuditRecord) -> Self {
        let changes = [("before", entry.before), ("after", entry.after)];
        let changes: Map<String, Value> = changes
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let (action, details) = match client {
            Some(client) => (client.action, client.details),
            None => (entry.action, (!changes.is_empty()).then(|| JsonObject::from(&changes))),
        };
        Self {
            log_id: entry.id.0,
            user_id: entry.actor.id.clone(),
            action,
            details,
            timestamp: entry.created_at,
            org_id: entry.tenant.0,
            actor: entry.actor,
            subject_kind: entry.subject_kind,
            subject_id: entry.subject,
            source: entry.source,
        }
    }
}
