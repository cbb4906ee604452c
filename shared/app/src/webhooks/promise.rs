//! Promises of events. Whoever changes something asks here for its event, and writes it in the transaction of the
//! change: [`AuditEvent::promise`](crate::audit::audit_event::AuditEvent::promise) does it with the audit entry, and
//! `store` takes it where there is none. Nothing is written, and nothing else happens, if no webhook wants it.

use domain::{EventData, Org, OrgId, Result, WebhookEvent};

use crate::App;

impl App {
    /// Returns the event that happens to an organization now, if one of its webhooks wants it. `occurrence` tells it
    /// from all other events of its type in the organization; the event of a repeated delivery has the same.
    ///
    /// A webhook that is created while the change is under way may miss it, as if it had been created after it.
    pub(crate) fn event_of(&self, org: &Org, data: EventData, occurrence: &str) -> Option<Box<WebhookEvent>> {
        org.webhooks
            .wants(data.kind())
            .then(|| Box::new(WebhookEvent::new(&org.id, self.clock.now(), data, occurrence)))
    }

    /// The same, for callers that have not read the organization.
    pub(crate) async fn event(
        &self,
        org: &OrgId,
        data: EventData,
        occurrence: &str,
    ) -> Result<Option<Box<WebhookEvent>>> {
        let found = self.store.orgs().get(org).await?;
        Ok(found.and_then(|found| self.event_of(&found.org, data, occurrence)))
    }
}
