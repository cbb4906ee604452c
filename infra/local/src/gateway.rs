//! API Gateway as its clients observe it: the stage in front of the path, what it refuses, and what it changes.
//!
//! - A body of more than 10 MB is refused in plain text, regardless of `GatewayResponses`.
//! - The body is sent as base64 (`BinaryMediaTypes: */*`) inside the JSON of an event, which Lambda limits to 6 MB:
//!   413 `REQUEST_TOO_LARGE`. A buffered response is limited to 6 MB too: 502 `INTEGRATION_FAILURE`.
//! - A buffered response has a timeout of 29 seconds: 504 `INTEGRATION_TIMEOUT`.
//! - Some response headers are renamed, including `WWW-Authenticate`.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html>. Not emulated: the
//! limit of 10,240 bytes on the request line and headers.

mod event;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
        header::{self, CONTENT_TYPE},
        uri::PathAndQuery,
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};

use crate::template::{Template, TemplateError};

/// Largest request body, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// Largest event of an invocation, in bytes, according to Lambda's own message.
const MAX_EVENT: usize = 6_291_456;
/// Largest response of an invocation, in bytes, likewise.
const MAX_ANSWER: usize = 6_291_556;
/// Timeout of a buffered response.
const TIMEOUT: Duration = Duration::from_secs(29);
/// How much of a refused body is read, so that the client reads the response, and for how long.
const LEFTOVER: (usize, Duration) = (256 * 1024 * 1024, Duration::from_secs(5));
/// Response headers that are renamed.
const REMAPPED: [HeaderName; 6] = [
    header::WWW_AUTHENTICATE,
    header::PROXY_AUTHENTICATE,
    header::SERVER,
    header::DATE,
    header::CONNECTION,
    header::USER_AGENT,
];

/// Checks the name of a stage: letters, digits, hyphens and underscores, 128 at most.
///
/// # Errors
/// A sentence.
pub fn parse_stage(name: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=128).contains(&name.len()) && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err("a stage is 1 to 128 letters, digits, hyphens and underscores".to_owned())
    }
}

struct Gateway {
    /// The path prefix, such as `/live`; empty without a stage.
    prefix: String,
    template: &'static Template,
}

/// Returns `api` behind the gateway, below `stage` if there is one.
pub(crate) fn around(api: Router, stage: Option<&str>) -> Result<Router, TemplateError> {
    let template = Template::embedded()?;
    let gateway = Gateway {
        prefix: stage.map(|stage| format!("/{stage}")).unwrap_or_default(),
        template,
    };
    Ok(Router::new()
        .fallback_service(api)
        .layer(from_fn_with_state(Arc::new(gateway), pass)))
}

async fn pass(State(gateway): State<Arc<Gateway>>, mut request: Request, next: Next) -> Response {
    let Some(uri) = below(&gateway.prefix, request.uri()) else {
        return no_such_stage();
    };
    *request.uri_mut() = uri;
    let (parts, body) = request.into_parts();
    let (pieces, size) = match whole(&parts.headers, body).await {
        Ok(whole) => whole,
        Err(refusal) => return refusal.into_response(),
    };
    if event::request_bytes(&parts, &gateway.prefix, size) > MAX_EVENT {
        return gateway.own("REQUEST_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
    }
    let route = gateway.template.route(parts.uri.path());
    let streams = route.is_some_and(|(_, route)| route.streaming);
    let pieces = futures::stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
    let request = Request::from_parts(parts, Body::from_stream(pieces));
    let mut response = if streams {
        next.run(request).await
    } else {
        match tokio::time::timeout(TIMEOUT, whole_answer(next.run(request))).await {
            Ok(Some(response)) => response,
            Ok(None) => {
                return gateway.own("INTEGRATION_FAILURE", StatusCode::BAD_GATEWAY, "Internal server error");
            }
            Err(_) => {
                let status = StatusCode::GATEWAY_TIMEOUT;
                return gateway.own("INTEGRATION_TIMEOUT", status, "Endpoint request timed out");
            }
        }
    };
    remap(response.headers_mut());
    response
}

/// Returns the URI that the function receives, without the stage.
fn below(prefix: &str, uri: &Uri) -> Option<Uri> {
    if prefix.is_empty() {
        return Some(uri.clone());
    }
    let rest = uri.path().strip_prefix(prefix)?;
    let path = match rest {
        "" => "/",
        rest if rest.starts_with('/') => rest,
        _ => return None,
    };
    let text = uri
        .query()
        .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    Uri::from_parts(parts).ok()
}

/// Why a body was refused.
enum Refusal {
    TooLong,
    Incomplete,
}

impl Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::TooLong => {
                let said = format!("HTTP content length exceeded {MAX_BODY} bytes.");
                (StatusCode::PAYLOAD_TOO_LARGE, [(CONTENT_TYPE, "text/plain")], said).into_response()
            }
            Self::Incomplete => StatusCode::BAD_REQUEST.into_response(),
        }
    }
}

/// Returns the pieces of the body as they arrived. A refused body is dropped at once, before the rest of it is read.
async fn whole(headers: &HeaderMap, mut body: Body) -> Result<(Vec<Bytes>, usize), Refusal> {
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        if !headers.contains_key(header::EXPECT) {
            read_leftover(body).await;
        }
        return Err(Refusal::TooLong);
    }
    let (mut pieces, mut size) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Refusal::Incomplete);
        };
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size > MAX_BODY {
            drop(pieces);
            read_leftover(body).await;
            return Err(Refusal::TooLong);
        }
        pieces.push(data);
    }
    Ok((pieces, size))
}

/// A connection that is closed while its client writes is reset, and many clients then never read the response.
async fn read_leftover(body: Body) {
    let (bytes, time) = LEFTOVER;
    let mut body = Limited::new(body, bytes);
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    if tokio::time::timeout(time, read).await.is_err() {
        tracing::debug!("gateway.refused_body_too_slow");
    }
}

/// Returns the response as an invocation returns it: complete, or `None` if it is too large.
async fn whole_answer(response: impl Future<Output = Response>) -> Option<Response> {
    let (parts, body) = response.await.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await.ok()?.to_bytes();
    let size = event::answer_bytes(&parts, &body);
    (size <= MAX_ANSWER).then(|| Response::from_parts(parts, Body::from(body)))
}

fn remap(headers: &mut HeaderMap) {
    for name in REMAPPED {
        if let Some(value) = headers.remove(&name)
            && let Ok(name) = HeaderName::try_from(format!("x-amzn-remapped-{name}"))
        {
            headers.insert(name, value);
        }
    }
}

/// Returns the response for an unknown stage, which has none of our gateway responses.
fn no_such_stage() -> Response {
    let headers = [
        ("content-type", "application/json"),
        ("x-amzn-errortype", "ForbiddenException"),
    ];
    (StatusCode::FORBIDDEN, headers, r#"{"message":"Forbidden"}"#).into_response()
}

impl Gateway {
    /// Returns a response of the gateway itself.
    fn own(&self, kind: &str, status: StatusCode, message: &str) -> Response {
        let id = crate::cloud::new_id();
        let Some(response) = self.template.gateway_response(kind, status.as_u16()) else {
            return (status, format!("{{\"message\":\"{message}\"}}")).into_response();
        };
        let (headers, body) = response.render(message, &id);
        let mut response = (status, body).into_response();
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests;
