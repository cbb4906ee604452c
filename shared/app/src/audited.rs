//! Entries for the audit log.

use model::{Actor, AuditEntry, OrgId, Result, audit::AuditSource};
use serde_json::Value;

use crate::App;

/// What was done to what.
pub(crate) struct Deed<'a> {
    /// `noun.verb_past`.
    pub(crate) action: &'static str,
    /// Kind of the thing.
    pub(crate) kind: &'static str,
    /// Its id.
    pub(crate) subject: &'a str,
    /// Ids and values of rules before; null for nothing.
    pub(crate) before: Value,
    /// The same afterwards.
    pub(crate) after: Value,
}

impl App {
    /// An entry in the log of `tenant`, made now.
    pub(crate) fn entry(&self, actor: &Actor, tenant: &OrgId, deed: Deed<'_>) -> Result<AuditEntry> {
        Ok(AuditEntry {
            id: self.ids.make()?,
            tenant: tenant.clone(),
            actor: actor.clone(),
            action: deed.action.to_owned(),
            subject_kind: deed.kind.to_owned(),
            subject: deed.subject.to_owned(),
            before: deed.before,
            after: deed.after,
            sealed: None,
            source: AuditSource::Server,
            created_at: self.clock.now(),
        })
    }
}
