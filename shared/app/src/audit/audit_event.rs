//! Entries for the audit log.

use domain::{Actor, AuditEntry, OrgId, Result, UserId, WebhookEvent, audit::AuditSource};
use serde_json::Value;

use crate::App;

/// An audited action and its subject.
pub(crate) struct AuditEvent<'a> {
    action: &'a str,
    kind: &'a str,
    subject: &'a str,
    before: Value,
    after: Value,
    event: Option<Box<WebhookEvent>>,
}

impl<'a> AuditEvent<'a> {
    /// Creates an event: `action` (`noun.verb_past`) was performed on the subject of this kind with this ID.
    pub(crate) fn new(action: &'a str, kind: &'a str, subject: &'a str) -> Self {
        Self {
            action,
            kind,
            subject,
            before: Value::Null,
            after: Value::Null,
            event: None,
        }
    }

    /// Creates an event about a user.
    pub(crate) fn to_user(action: &'a str, user: &'a UserId) -> Self {
        Self::new(action, "user", user.as_str())
    }

    /// Creates an event about an organization.
    pub(crate) fn to_org(action: &'a str, org: &'a OrgId) -> Self {
        Self::new(action, "org", org.as_str())
    }

    /// Adds IDs and rule values from before the action: never names, addresses or secrets.
    pub(crate) fn before(self, before: Value) -> Self {
        Self { before, ..self }
    }

    /// Adds the same from after the action.
    pub(crate) fn after(self, after: Value) -> Self {
        Self { after, ..self }
    }

    /// Promises an event to the organization's webhooks in the transaction of the entry.
    pub(crate) fn promise(self, event: Option<Box<WebhookEvent>>) -> Self {
        Self { event, ..self }
    }
}

impl App {
    /// Returns an entry, created now, in the log of `tenant`: the organization, or the personal one for changes of an
    /// account.
    pub(crate) fn entry(&self, actor: &Actor, tenant: &OrgId, event: AuditEvent<'_>) -> Result<AuditEntry> {
        Ok(AuditEntry {
            id: self.ids.make()?,
            tenant: tenant.clone(),
            actor: actor.clone(),
            action: event.action.to_owned(),
            subject_kind: event.kind.to_owned(),
            subject: event.subject.to_owned(),
            before: event.before,
            after: event.after,
            sealed: None,
            source: AuditSource::Server,
            created_at: self.clock.now(),
            event: event.event,
        })
    }
}
