//! Stream: sums up the usage of all organizations from the changes of the ledger.

use app::{App, BoxFuture, Changed, Unfinished};
use runtime::Follower;

/// Consumes the stream of the ledger's table.
#[derive(Debug)]
pub struct RollUpUsage;

impl Follower for RollUpUsage {
    const NAME: &'static str = "roll_up_usage";

    fn run(app: App, changes: Vec<Changed>) -> BoxFuture<'static, Result<(), Unfinished>> {
        Box::pin(async move { app.roll_up_usage(&changes).await })
    }
}
