//! Common parts of the JSON services on the wire: request and response bodies.

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

use super::new_id;

/// The largest JSON request accepted, bytes: that of `BatchWriteItem`, 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The versions of the AWS JSON protocol, as the content type.
/// See <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>.
#[derive(Debug, Clone, Copy)]
pub(super) enum Protocol {
    /// SQS.
    Json10,
    /// Secrets Manager.
    Json11,
}

impl Protocol {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
        })
    }
}

/// Returns the operation named by `X-Amz-Target`, such as `("AmazonSQS", "SendMessage")`; empty if absent.
pub(super) fn target<T>(request: &Request<T>) -> (&str, &str) {
    request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once('.'))
        .unwrap_or_default()
}

/// Returns the whole body, or an error.
pub(super) async fn read<B>(body: B) -> Result<Bytes, String>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns a response of a JSON service.
pub(super) fn reply(protocol: Protocol, status: StatusCode, body: &Value) -> Response<Body> {
    reply_json(protocol, status, body.to_string())
}

/// Returns a response with a serialized body.
pub(super) fn reply_json(protocol: Protocol, status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, protocol.content_type());
    if let Ok(id) = HeaderValue::from_str(&new_id()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}
