//! Workers behind SQS.

use std::panic::AssertUnwindSafe;

use app::{App, BoxFuture, Delivery};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{Error as Fault, Message, Result, Timestamp};
use futures::{FutureExt as _, StreamExt as _, future, stream};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;

use crate::{Error, start};

/// A worker: its message type, and how it processes a message.
pub trait Job: 'static {
    /// JSON body of a message; it names the queue, which the function is named after.
    type Message: Message + DeserializeOwned + Send;

    /// Whether the messages of a batch are processed at the same time: for work that waits for others.
    const IS_CONCURRENT: bool = false;

    /// Processes one delivery. After an error the message is delivered again, with growing delays, and is moved to the
    /// dead-letter queue after [`Delivery::MAX`] deliveries. Every message may be delivered more than once, in any
    /// order.
    fn run(app: App, message: Self::Message, delivery: Delivery) -> BoxFuture<'static, Result<()>>;
}

/// Runs the worker on Lambda.
///
/// # Errors
/// If the function cannot start.
pub async fn consume<J: Job>() -> std::result::Result<(), Error> {
    let app = start().await?;
    let handle = service_fn(move |event: LambdaEvent<SqsEvent>| {
        let app = app.clone();
        async move {
            let ends_at = i64::try_from(event.context.deadline).ok();
            let ends_at = ends_at.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
            let ends_at = ends_at.unwrap_or_else(|| app.clock.now());
            Ok::<_, Error>(deliver::<J>(app, event.payload, ends_at).await)
        }
    });
    lambda_runtime::run(handle).await
}

/// Passes a batch to the worker, one message after the other unless it processes them at the same time, and reports those
/// that failed. `ends_at`: when the invocation times out.
pub async fn deliver<J: Job>(app: App, batch: SqsEvent, ends_at: Timestamp) -> SqsBatchResponse {
    let handles: Vec<_> = batch
        .records
        .iter()
        .filter_map(|message| message.receipt_handle.clone())
        .collect();
    app.hold_messages(J::Message::QUEUE, &handles, ends_at).await;
    let width = if J::IS_CONCURRENT { handles.len().max(1) } else { 1 };
    let processed = stream::iter(batch.records).map(|message| process::<J>(app.clone(), message, ends_at));
    let mut response = SqsBatchResponse::default();
    let failures = processed.buffer_unordered(width).filter_map(future::ready);
    response.batch_item_failures = failures.collect().await;
    response
}

/// Passes a message to the worker, and returns it if it failed.
async fn process<J: Job>(app: App, message: SqsMessage, ends_at: Timestamp) -> Option<BatchItemFailure> {
    let delivery = delivery(&message, ends_at);
    let receipt_handle = message.receipt_handle.unwrap_or_default();
    let body = message.body.unwrap_or_default();
    // A panic would fail the whole batch.
    let done = AssertUnwindSafe(one::<J>(app.clone(), &body, delivery.clone())).catch_unwind();
    let done = done
        .await
        .unwrap_or_else(|_| Err(Fault::internal("the worker panicked")));
    let Err(error) = done else { return None };
    tracing::warn!(
        queue = J::Message::QUEUE.name(),
        message_id = %delivery.message_id,
        receive_count = delivery.receive_count,
        error = &error as &dyn std::error::Error,
        "job.failed"
    );
    app.retry_later(J::Message::QUEUE, receipt_handle, &delivery, &error)
        .await;
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = delivery.message_id;
    Some(failure)
}

fn delivery(message: &SqsMessage, ends_at: Timestamp) -> Delivery {
    let receive_count = message.attributes.get("ApproximateReceiveCount");
    Delivery {
        message_id: message.message_id.clone().unwrap_or_default(),
        receive_count: receive_count.and_then(|count| count.parse().ok()).unwrap_or(1),
        ends_at,
    }
}

async fn one<J: Job>(app: App, body: &str, delivery: Delivery) -> Result<()> {
    let message = serde_json::from_str(body).map_err(Fault::internal)?;
    J::run(app, message, delivery).await
}
