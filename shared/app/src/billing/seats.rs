//! Keeps the number of seats of a subscription equal to the number of members.

use domain::{Actor, BillingMessage, OrgId, Plan, Result};
use stripe::{Form, Request, objects::Identified};

use super::{failure, sync::Reason};
use crate::{App, orgs::NO_ORG};

impl App {
    /// Reports that the members of an organization changed, if it pays by seat. Best effort: the daily comparison finds
    /// what was missed.
    pub(crate) async fn seats_changed(&self, org: &OrgId) {
        if !self.config.billing.has_prices() {
            return;
        }
        let reported = async {
            if self.entitlements_of(org).await?.plan != Plan::Team {
                return Ok(());
            }
            let message = BillingMessage::SeatsChanged {
                org_id: org.clone(),
                change_id: hex::encode(domain::id::random_bytes::<16>()?),
            };
            self.queues.send(&message).await
        };
        if let Err(error) = reported.await {
            tracing::warn!(org_id = %org, error = &error as &dyn std::error::Error, "billing.seats_not_reported");
        }
    }

    /// Returns the number of units that an organization's subscription to a plan has.
    pub(crate) async fn quantity_of(&self, org: &OrgId, plan: Plan) -> Result<u32> {
        let found = self.store.orgs().get(org).await?.ok_or(NO_ORG)?.org;
        let members = self.store.orgs().members(org).await?.len();
        let own = found.entitlements_on(plan, self.clock.now());
        Ok(own.quantity(u32::try_from(members).unwrap_or(u32::MAX)))
    }

    /// Sets the quantity of the subscription to the number of members. `change_id`: part of the idempotency key.
    pub(crate) async fn sync_seats(&self, org: &OrgId, change_id: &str) -> Result<()> {
        let provider = self.payment_provider().await?;
        let actor = Actor::system();
        let account = self.store.billing().account(org).await?;
        if account.customer_id.is_none() {
            return Ok(());
        }
        let account = self.sync_with(&provider, account, &actor).await?;
        let Some((subscription, plan, item)) = account
            .open_subscription()
            .and_then(|one| Some((one, one.plan?, one.item_id.as_ref()?)))
        else {
            return Ok(());
        };
        let quantity = self.quantity_of(org, plan).await?;
        if quantity == subscription.quantity {
            return Ok(());
        }
        let form = Form::default()
            .field("items[0][id]", item)
            .field("items[0][quantity]", quantity)
            .field("proration_behavior", "create_prorations");
        let path = format!("/v1/subscriptions/{}", subscription.id);
        // The message was stored before, and with it the key. Another number is another request.
        let request = Request::post(&path, &form, &format!("seats-{change_id}-{quantity}"));
        provider.send::<Identified>(&request).await.map_err(failure)?;
        let reason = Reason {
            actor: &actor,
            action: "billing.seats_changed",
            event: None,
        };
        self.sync(&provider, org, &reason).await.map(|_| ())
    }
}
