//! Event sources: Lambda accesses a queue or a stream with the permissions of the function that it invokes.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>

use std::future::ready;
use std::sync::Arc;

use super::super::mapping::{Handler, stream};
use super::{Access, Iam, names};

/// Returns the handler of a queue's messages, which are delivered as long as the function may receive them.
pub(crate) fn queue(iam: Arc<Iam>, function: &'static str, queue: &str, handler: Handler) -> Handler {
    let queue = names::queue(queue);
    let actions = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
    let accesses = actions.map(|action| Access::new(format!("sqs:{action}"), queue.clone()));
    Arc::new(move |event, time_limit| match iam.authorize(function, &accesses) {
        Ok(()) => handler(event, time_limit),
        Err(denied) => Box::pin(ready(Err(denied.to_string()))),
    })
}

/// Returns the handler of a table's changes, which are delivered as long as the function may read them.
pub(crate) fn table(iam: Arc<Iam>, function: &'static str, table: &str, handler: stream::Handler) -> stream::Handler {
    let stream = format!("{}/stream/embedded", names::table(table));
    let actions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];
    let accesses = actions.map(|action| Access::new(format!("dynamodb:{action}"), stream.clone()));
    Arc::new(move |event| match iam.authorize(function, &accesses) {
        Ok(()) => handler(event),
        Err(denied) => Box::pin(ready(Err(denied.to_string()))),
    })
}
