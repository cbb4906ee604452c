//! Worker: turns uploaded tables into databases that can be queried.

use app::{App, BoxFuture, Delivery};
use domain::{ImportDataSourceMessage, Result};
use runtime::Job;

/// Consumes the queue `import_data_source`.
#[derive(Debug)]
pub struct ImportDataSource;

impl Job for ImportDataSource {
    type Message = ImportDataSourceMessage;

    fn run(app: App, message: ImportDataSourceMessage, delivery: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.import_data_source(&message, &delivery).await })
    }
}
