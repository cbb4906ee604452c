//! Schedule: compares subscriptions with Stripe's, each once a day and when something of it ends.

use std::time::Duration;

use app::{App, BoxFuture};
use domain::Result;
use runtime::Schedule;

/// Runs every 15 minutes: an overdue payment ends a plan that much later at most.
#[derive(Debug)]
pub struct ReconcileBilling;

impl Schedule for ReconcileBilling {
    const NAME: &'static str = "reconcile_billing";
    const INTERVAL: Duration = Duration::from_mins(15);

    fn run(app: App) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let compared = app.reconcile_billing().await?;
            if compared > 0 {
                tracing::info!(compared, "billing.reconciled");
            }
            Ok(())
        })
    }
}
