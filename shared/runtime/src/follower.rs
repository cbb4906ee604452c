//! Functions that follow the changes of a table.

use app::{App, BoxFuture, Changed, Unfinished};
use aws_lambda_events::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use domain::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};

use crate::{Error, start};

/// A function that follows the changes of a table.
pub trait Follower: 'static {
    /// Name of the function.
    const NAME: &'static str;

    /// Deals with some changes, those of an item in their order. Every change may come more than once.
    fn run(app: App, changes: Vec<Changed>) -> BoxFuture<'static, Result<(), Unfinished>>;
}

/// Runs the follower on Lambda.
///
/// # Errors
/// When the function cannot start.
pub async fn follow<F: Follower>() -> Result<(), Error> {
    let app = start().await?;
    let handle = service_fn(move |event: LambdaEvent<Event>| {
        let app = app.clone();
        async move { Ok::<_, Error>(process_batch::<F>(app, event.payload).await) }
    });
    lambda_runtime::run(handle).await
}

/// Hands a batch to the follower, and reports from which record on it has to come again.
pub async fn process_batch<F: Follower>(app: App, batch: Event) -> DynamoDbEventResponse {
    let numbers: Vec<_> = batch
        .records
        .iter()
        .map(|record| record.change.sequence_number.clone().unwrap_or_default())
        .collect();
    let changes = batch.records.into_iter().map(changed).collect();
    let mut response = DynamoDbEventResponse::default();
    if let Err(Unfinished { from, error }) = F::run(app, changes).await {
        let number = numbers.get(from).map(String::as_str).unwrap_or_default();
        tracing::warn!(
            function = F::NAME,
            sequence_number = number,
            error = &error as &dyn std::error::Error,
            "follower.failed"
        );
        // An empty number makes all of the batch come again.
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(number.to_owned());
        response.batch_item_failures.push(failure);
    }
    response
}

fn changed(record: EventRecord) -> Changed {
    let at = record.change.approximate_creation_date_time.timestamp_millis();
    Changed {
        at: Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
        old: record.change.old_image,
        new: record.change.new_image,
    }
}
