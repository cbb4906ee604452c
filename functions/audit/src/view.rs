//! Audit log entries as clients see them.

use app::AuditRecord;
use domain::{
    JsonObject, Timestamp,
    audit::{Actor, AuditSource},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// An audit log entry.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditLogView {
    log_id: String,
    /// ID of the actor; null for the system or another service.
    user_id: Option<String>,
    /// The action: in the client's terms, or one of the system's, for example `member.role_changed`.
    action: String,
    /// Data that a client wrote; for entries of the system, the values before and after. Null if there is none,
    /// and once the user is erased.
    details: Option<JsonObject>,
    timestamp: Timestamp,
    /// ID of the organization whose log contains the entry.
    org_id: String,
    actor: Actor,
    /// Type of the target.
    subject_kind: String,
    /// ID of the target.
    subject_id: String,
    /// `server` if the system wrote it, `client` if a client did.
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
