//! Functions that consume the stream of a table.

use app::{App, BoxFuture, Changed, Unfinished};
use aws_lambda_events::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use domain::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};

use crate::{Error, start};

/// A function that consumes the stream of a table.
pub trait Follower: 'static {
    /// Name of the function.
    const NAME: &'static str;

    /// Processes some changes; those of an item are in order. Every change may be delivered more than once.
    fn run(app: App, changes: Vec<Changed>) -> BoxFuture<'static, Result<(), Unfinished>>;
}

/// Runs the function on Lambda.
///
/// # Errors
/// If the function cannot start.
pub async fn follow<F: Follower>() -> Result<(), Error> {
    let app = start().await?;
    let handle = service_fn(move |event: LambdaEvent<Event>| {
        let app = app.clone();
        async move { Ok::<_, Error>(process_batch::<F>(app, event.payload).await) }
    });
    lambda_runtime::run(handle).await
}

/// Passes a batch to the function, and reports the first record to deliver again.
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
        // An empty number makes Lambda deliver the whole batch again.
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
