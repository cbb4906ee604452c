//! Headers that every answer has, and the CORS preflight.

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::scope::{REQUEST_ID, Scope};

/// A path to this API is never a page: nothing may be loaded, framed or sniffed from its answers
/// (OWASP REST Security Cheat Sheet). An answer may set its own value.
const DEFAULTS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Credentials are bearer tokens, never cookies, so any origin may call.
const CORS: [(HeaderName, &str); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "Link, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, ETag, Location, Allow",
    ),
];

const PREFLIGHT: [(HeaderName, &str); 3] = [
    (
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "GET, HEAD, POST, PUT, PATCH, DELETE",
    ),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "Authorization, Content-Type, Accept, Idempotency-Key, X-Current-Org, X-Request-Id, X-API-Key, Prefer, \
         Last-Event-ID, If-None-Match",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

/// The answer to a CORS preflight (<https://fetch.spec.whatwg.org/#cors-preflight-fetch>), if it is one.
pub(crate) fn preflight(request: &Request) -> Option<Response> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| {
        let mut answer = StatusCode::NO_CONTENT.into_response();
        for (name, value) in PREFLIGHT {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    })
}

/// Adds the headers that every answer has.
pub(crate) fn add(scope: &Scope, headers: &mut HeaderMap) {
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    for (name, value) in CORS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&scope.request_id) {
        headers.insert(REQUEST_ID, id);
    }
}
