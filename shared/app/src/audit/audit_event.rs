//! Entries for the audit log.

use domain::{Actor, AuditEntry, OrgId, Result, UserId, audit::AuditSource};
use serde_json::Value;

use crate::App;

/// What was done to what.
pub(crate) struct AuditEvent<'a> {
    action: &'a str,
    kind: &'a str,
    subject: &'a str,
    before: Value,
    after: Value,
}

impl<'a> AuditEvent<'a> {
    /// `action` (`noun.verb_past`) was done to the thing of this kind with this ID.
    pub(crate) fn new(action: &'a str, kind: &'a str, subject: &'a str) -> Self {
        Self {
            action,
            kind,
            subject,
            before: Value::Null,
            after: Value::Null,
        }
    }

    /// `action` was done to a user.
    pub(crate) fn to_user(action: &'a str, user: &'a UserId) -> Self {
        Self::new(action, "user", user.as_str())
    }

    /// `action` was done to an organization.
    pub(crate) fn to_org(action: &'a str, org: &'a OrgId) -> Self {
        Self::new(action, "org", org.as_str())
    }

    /// With IDs and values of rules as they were before: never names, addresses or secrets.
    pub(crate) fn before(self, before: Value) -> Self {
        Self { before, ..self }
    }

    /// With the same as they are afterwards.
    pub(crate) fn after(self, after: Value) -> Self {
        Self { after, ..self }
    }
}

impl App {
    /// An entry in the log of `tenant`, made now: the organization, or the personal one for changes of an account.
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
        })
    }
}
