//! Stream: sums up what everybody uses, from the changes of the ledger.

use app::{App, BoxFuture, Changed, Unfinished};
use runtime::Follower;

/// Follows the table of the ledger.
#[derive(Debug)]
pub struct RollUpUsage;

impl Follower for RollUpUsage {
    const NAME: &'static str = "roll_up_usage";

    fn run(app: App, changes: Vec<Changed>) -> BoxFuture<'static, Result<(), Unfinished>> {
        Box::pin(async move { app.roll_up_usage(&changes).await })
    }
}
