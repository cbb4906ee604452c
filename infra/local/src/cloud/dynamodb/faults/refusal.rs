//! Calls that are refused.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::Draw;
use crate::cloud::wire::{Protocol, reply};

/// A call lacks throughput.
pub(super) fn throttled(operation: &str, body: &[u8], draw: Draw) -> Response<Body> {
    let (choice, draw) = draw.pick(4);
    match parts(operation, body) {
        Some(parts) if choice < 2 => {
            let (code, message) = if choice == 0 {
                let message = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically \
                               scaling your table or index so please try again shortly.";
                ("ThrottlingError", message)
            } else {
                let message = "The level of configured provisioned throughput for one or more global secondary indexes \
                               of the table was exceeded. Consider increasing your provisioning level with the \
                               UpdateTable API.";
                ("ProvisionedThroughputExceeded", message)
            };
            canceled(parts, code, message, draw)
        }
        _ if choice % 2 == 0 => refuse(
            "ThrottlingException",
            "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your \
             table or index so please try again shortly.",
        ),
        _ => refuse(
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
             provisioning level with the UpdateTable API.",
        ),
    }
}

/// A call meets a transaction. A read or a batch is none that could: it lacks throughput then.
pub(super) fn conflict(operation: &str, body: &[u8], draw: Draw) -> Response<Body> {
    let message = "Transaction is ongoing for the item";
    let (choice, draw) = draw.pick(3);
    match (operation, parts(operation, body)) {
        ("TransactWriteItems", Some(_)) if choice == 0 => refuse(
            "TransactionInProgressException",
            "The transaction with the given request token is already in progress.",
        ),
        (_, Some(parts)) => canceled(parts, "TransactionConflict", message, draw),
        ("PutItem" | "UpdateItem" | "DeleteItem", None) => refuse("TransactionConflictException", message),
        _ => throttled(operation, body, draw),
    }
}

/// The service itself fails.
pub(super) fn failed() -> Response<Body> {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
        "message": "The request processing has failed because of an unknown error, exception or failure.",
    });
    reply(Protocol::Json10, StatusCode::INTERNAL_SERVER_ERROR, &body)
}

/// How many parts a transaction has; `None` when the call is none.
fn parts(operation: &str, body: &[u8]) -> Option<usize> {
    if !operation.starts_with("Transact") {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    body["TransactItems"].as_array().map(Vec::len)
}

/// One part of a transaction is the reason for which all of it is canceled.
fn canceled(parts: usize, code: &str, message: &str, draw: Draw) -> Response<Body> {
    let (at, _) = draw.pick(parts);
    let reasons: Vec<Value> = (0..parts)
        .map(|part| {
            if part == at {
                json!({"Code": code, "Message": message})
            } else {
                json!({"Code": "None"})
            }
        })
        .collect();
    let codes: Vec<&str> = (0..parts).map(|part| if part == at { code } else { "None" }).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        ),
        "CancellationReasons": reasons,
    });
    reply(Protocol::Json10, StatusCode::BAD_REQUEST, &body)
}

fn refuse(code: &str, message: &str) -> Response<Body> {
    let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message });
    reply(Protocol::Json10, StatusCode::BAD_REQUEST, &body)
}
