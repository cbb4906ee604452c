//! Workers behind SQS.

use app::{App, BoxFuture, Delivery};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{LambdaEvent, service_fn};
use model::{Error as Fault, Result};
use serde::de::DeserializeOwned;

use crate::{Error, start};

/// A worker: what it reads from its queue and what it does with it.
pub trait Job: 'static {
    /// Name of the queue, and of the function.
    const QUEUE: &'static str;
    /// JSON body of a message.
    type Message: DeserializeOwned + Send;

    /// Handles one delivery. An error brings the message back after the visibility timeout, and to the
    /// dead-letter queue after [`Delivery::MAX`] deliveries. Every message may come more than once, in any order.
    fn run(app: App, message: Self::Message, delivery: Delivery) -> BoxFuture<'static, Result<()>>;
}

/// Runs the worker on Lambda.
///
/// # Errors
/// When the function cannot start.
pub async fn consume<J: Job>() -> std::result::Result<(), Error> {
    let app = start().await?;
    let handle = service_fn(move |event: LambdaEvent<SqsEvent>| {
        let app = app.clone();
        async move { Ok::<_, Error>(deliver::<J>(app, event.payload).await) }
    });
    lambda_runtime::run(handle).await
}

/// Hands a batch to the worker, one message after the other, and reports those that failed.
pub async fn deliver<J: Job>(app: App, batch: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        let id = message.message_id.clone().unwrap_or_default();
        if let Err(error) = one::<J>(app.clone(), message).await {
            tracing::warn!(queue = J::QUEUE, message_id = %id, error = &error as &dyn std::error::Error, "job.failed");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

async fn one<J: Job>(app: App, message: SqsMessage) -> Result<()> {
    let attempt = message
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    let delivery = Delivery {
        message_id: message.message_id.unwrap_or_default(),
        attempt,
    };
    let body = message.body.unwrap_or_default();
    let message = serde_json::from_str(&body).map_err(Fault::internal)?;
    J::run(app, message, delivery).await
}
