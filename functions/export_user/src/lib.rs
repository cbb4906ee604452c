//! Worker: exports all data of a user into one archive.

use app::{App, BoxFuture, Delivery};
use domain::{ExportMessage, Result};
use runtime::Job;

/// Consumes the queue `export_user`.
#[derive(Debug)]
pub struct ExportUser;

impl Job for ExportUser {
    type Message = ExportMessage;

    fn run(app: App, message: ExportMessage, delivery: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.export_user(&message, &delivery).await })
    }
}
