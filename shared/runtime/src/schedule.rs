//! Functions that `EventBridge` Scheduler starts.

use std::time::Duration;

use app::{App, BoxFuture};
use domain::Result;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::{Error, start};

/// A function that runs on a schedule.
pub trait Schedule: 'static {
    /// Name of the function, and of the schedule.
    const NAME: &'static str;
    /// How often it runs, in whole minutes.
    const INTERVAL: Duration;

    /// Runs it. Running it twice, or never, must do no harm.
    fn run(app: App) -> BoxFuture<'static, Result<()>>;
}

/// Runs the scheduled function on Lambda.
///
/// # Errors
/// If the function cannot start.
pub async fn on_schedule<S: Schedule>() -> std::result::Result<(), Error> {
    let app = start().await?;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| {
        let app = app.clone();
        async move {
            app.run_schedule(S::NAME, S::run(app.clone()))
                .await
                .map_err(Error::from)
        }
    }))
    .await
}
