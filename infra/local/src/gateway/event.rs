//! How large an invocation is: the JSON of the event, and of the answer.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use axum::http::{HeaderMap, header, request, response};
use serde_json::json;

/// Bytes of an event besides path, query, headers and body: the request context, mostly. Measured on real events.
const CONTEXT: usize = 1_500;
/// Below this many bytes of body nothing else that fits into a request makes an event too large.
const SURELY_SMALL: usize = 4 * 1024 * 1024;

/// Bytes of the event for a request with so many bytes of body, which it carries as base64.
pub(super) fn request_bytes(parts: &request::Parts, prefix: &str, body: usize) -> usize {
    if body < SURELY_SMALL {
        return base64(body);
    }
    let path = parts.uri.path().len();
    let query = parts.uri.query().unwrap_or_default().len();
    // Path, resource and both of the request context; everything that may be there twice is there twice.
    base64(body) + CONTEXT + 4 * path + prefix.len() + 2 * query + headers(&parts.headers)
}

/// Returns the size of the response in bytes: text as it is, anything else as base64, as `lambda_http` distinguishes
/// them.
pub(super) fn answer_bytes(parts: &response::Parts, body: &[u8]) -> usize {
    if body.len() < SURELY_SMALL / 2 {
        return body.len();
    }
    let body = if is_text(&parts.headers) {
        json!(String::from_utf8_lossy(body)).to_string().len()
    } else {
        base64(body.len())
    };
    body + headers(&parts.headers)
}

/// Names and values, once as `headers` and once as `multiValueHeaders`, with their quotes, brackets and commas.
fn headers(headers: &HeaderMap) -> usize {
    let size =
        |(name, value): (&header::HeaderName, &header::HeaderValue)| 2 * (name.as_str().len() + value.len()) + 14;
    headers.iter().map(size).sum()
}

fn base64(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

fn is_text(headers: &HeaderMap) -> bool {
    let of = |name| {
        headers
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
    };
    if of(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return false;
    }
    let kind = of(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let begins = ["text", "application/json", "application/javascript", "application/xml"];
    begins.iter().any(|text| kind.starts_with(text)) || ["+json", "+xml", "+yaml"].iter().any(|end| kind.ends_with(end))
}
