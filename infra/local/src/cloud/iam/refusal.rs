//! Access denied errors of the services.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::super::wire::{Protocol, reply};
use super::{AccessDenied, secret_of};

/// The error type that all of them share.
const SHAPE: &str = "com.amazon.coral.service#AccessDeniedException";

/// DynamoDB: 400.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
pub(super) fn of_tables(denied: &AccessDenied) -> Response<Body> {
    let body = json!({ "__type": SHAPE, "Message": denied.to_string() });
    reply(Protocol::Json10, StatusCode::BAD_REQUEST, &body)
}

/// SQS: 403, with the code of the query protocol beside it, and the action in lower case.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>
pub(super) fn of_queues(denied: &AccessDenied) -> Response<Body> {
    let small = AccessDenied {
        session: denied.session.clone(),
        action: denied.action.to_ascii_lowercase(),
        resource: denied.resource.clone(),
        explicit: denied.explicit,
    };
    let body = json!({ "__type": SHAPE, "message": small.to_string() });
    let mut response = reply(Protocol::Json10, StatusCode::FORBIDDEN, &body);
    let code = HeaderValue::from_static("AccessDenied;Sender");
    response.headers_mut().insert("x-amzn-query-error", code);
    response
}

/// Secrets Manager: 400, with the secret as the request names it.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>
pub(super) fn of_secrets(denied: &AccessDenied, body: &[u8]) -> Response<Body> {
    let named = AccessDenied {
        session: denied.session.clone(),
        action: denied.action.clone(),
        resource: secret_of(body)
            .ok()
            .flatten()
            .unwrap_or_else(|| denied.resource.clone()),
        explicit: denied.explicit,
    };
    let body = json!({ "__type": "AccessDeniedException", "Message": named.to_string() });
    reply(Protocol::Json11, StatusCode::BAD_REQUEST, &body)
}
