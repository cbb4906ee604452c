//! Schedule: queues outbox entries whose request crashed after the table write.

use std::time::Duration;

use app::{App, BoxFuture};
use domain::{Result, documents::outbox::RELAY_AFTER};
use runtime::Schedule;

/// Runs every five minutes.
#[derive(Debug)]
pub struct RelayOutbox;

impl Schedule for RelayOutbox {
    const NAME: &'static str = "relay_outbox";
    const INTERVAL: Duration = Duration::from_mins(5);

    fn run(app: App) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let relayed = app.relay_outbox(RELAY_AFTER).await?;
            if relayed > 0 {
                tracing::info!(relayed, "outbox.relayed");
            }
            Ok(())
        })
    }
}
