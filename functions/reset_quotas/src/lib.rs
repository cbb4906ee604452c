//! Schedule: closes the days of the ledger of tokens, settles what nobody is left to settle, and tells who may ask
//! again.

use app::{App, BoxFuture};
use domain::Result;
use runtime::Schedule;

/// Runs every 15 minutes: some time zones begin their days at a quarter to the hour.
#[derive(Debug)]
pub struct ResetQuotas;

impl Schedule for ResetQuotas {
    const NAME: &'static str = "reset_quotas";

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
