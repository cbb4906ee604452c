//! Schedule: closes the ledger's days, settles abandoned reservations, and notifies users whose limits were reset.

use std::time::Duration;

use app::{App, BoxFuture};
use domain::Result;
use runtime::Schedule;

/// Runs every 15 minutes, because some time zones begin their days at a quarter to the hour.
#[derive(Debug)]
pub struct ResetQuotas;

impl Schedule for ResetQuotas {
    const NAME: &'static str = "reset_quotas";
    const INTERVAL: Duration = Duration::from_mins(15);

    fn run(app: App) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let closed = app.reset_quotas().await?;
            if closed > 0 {
                tracing::info!(closed, "quotas.reset");
            }
            Ok(())
        })
    }
}
