//! Compares subscriptions with the payment provider's, so that a lost event changes nothing for longer than a day, and
//! a plan ends when its time to pay is over.

use domain::{Actor, OrgId, Result, Timestamp};
use futures::future::BoxFuture;

use super::sync::Reason;
use crate::{App, platform::batch_outcome::BatchOutcome};

impl App {
    /// Compares the subscriptions that are due, and queues packs that are to be reported; returns the number of
    /// subscriptions. Differences are repaired, and recorded in the
    /// audit log as `billing.reconciled`.
    ///
    /// # Errors
    /// Returns an error if the payment provider does not respond for one of them; it stays due, and all others are
    /// still compared.
    pub fn reconcile_billing(&self) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            if !self.config.billing.has_prices() {
                return Ok(0);
            }
            let mut done = BatchOutcome::default();
            for (org, due) in self.store.billing().due(self.clock.now()).await? {
                let compared = self.compare(&org, due).await.map(|()| 1);
                done.count(
                    compared,
                    |error| tracing::warn!(org_id = %org, %error, "billing.not_reconciled"),
                );
            }
            // Each failure is already logged.
            let queued = self.relay_packs().await.map(|_| 0);
            done.count(queued, |_| {});
            done.end()
        })
    }

    async fn compare(&self, org: &OrgId, due: Timestamp) -> Result<()> {
        let account = self.store.billing().account(org).await?;
        let is_current = account.check_at == Some(due);
        if !is_current || self.store.orgs().get(org).await?.is_none() {
            // Its organization is gone, or it was scheduled anew.
            return self.store.billing().remove_check(org, due).await;
        }
        let provider = self.payment_provider().await?;
        let reason = Reason {
            actor: &Actor::system(),
            action: "billing.reconciled",
            event: None,
        };
        self.sync(&provider, org, &reason).await?;
        self.sync_seats(org, &format!("{org}-{}", due.as_millisecond())).await
    }
}
