//! Headers of every response, and the CORS preflight.

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::request_context::{REQUEST_ID, RequestContext};

/// A response of this API is never a page: nothing may be loaded, framed or sniffed from it (OWASP REST Security Cheat
/// Sheet). A response may set its own value.
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
        "Link, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, ETag, Location, Allow, \
         Content-Disposition, Content-Length, WWW-Authenticate, X-Amzn-Remapped-WWW-Authenticate",
    ),
];

const PREFLIGHT: [(HeaderName, &str); 3] = [
    (
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "GET, HEAD, POST, PUT, PATCH, DELETE",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    (header::VARY, "Access-Control-Request-Headers"),
];

/// Headers that this API reads. A preflight allows them whether or not it requests them.
const KNOWN_HEADERS: &str = "Authorization, Content-Type, Accept, Idempotency-Key, X-Current-Org, X-Request-Id, X-API-Key, \
                             Prefer, Last-Event-ID, If-None-Match";
/// Maximum length of the reflected list of header names, in bytes. API Gateway limits all headers to 10,240 bytes.
const MAX_REFLECTED: usize = 4096;
/// Maximum length of a reflected header name, in bytes.
const MAX_HEADER_NAME: usize = 128;

/// Returns the response to a CORS preflight (<https://fetch.spec.whatwg.org/#cors-preflight-fetch>), if it is one. It
/// allows every requested header: clients add their own (`x-stainless-lang`, `traceparent`), and without cookies a
/// header from a foreign page has no more power than from any other client.
pub(crate) fn preflight(request: &Request) -> Option<Response> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| allow_all(request.headers()))
}

/// Returns the response to a preflight that is allowed.
pub(crate) fn allow_all(requested: &HeaderMap) -> Response {
    let mut answer = StatusCode::NO_CONTENT.into_response();
    for (name, value) in PREFLIGHT {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Ok(allowed) = HeaderValue::try_from(allowed_headers(requested)) {
        answer
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    answer
}

/// Returns [`KNOWN_HEADERS`] and the requested valid header names (RFC 9110 section 5.1), each once.
fn allowed_headers(headers: &HeaderMap) -> String {
    let mut allowed = KNOWN_HEADERS.to_owned();
    let requested = headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let names = requested
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for name in names.map(str::trim) {
        let is_listed = |list: &str| list.split(", ").any(|known| known.eq_ignore_ascii_case(name));
        if name.len() > MAX_HEADER_NAME || HeaderName::from_bytes(name.as_bytes()).is_err() || is_listed(&allowed) {
            continue;
        }
        if allowed.len() + name.len() > KNOWN_HEADERS.len() + MAX_REFLECTED {
            break;
        }
        allowed.push_str(", ");
        allowed.push_str(name);
    }
    allowed
}

/// Adds the headers of every response.
pub(crate) fn add(context: &RequestContext, headers: &mut HeaderMap) {
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    for (name, value) in CORS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(page) = context.page.get() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        match page {
            Some(origin) => headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
            None => headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN),
        };
    }
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;

    use super::*;
    use crate::{Api, Message, testing::Server};

    async fn greet() -> Message {
        Message("hello")
    }

    /// Returns the names that a preflight with these requested headers allows, in lower case.
    async fn allowed(requested: &[&str]) -> Vec<String> {
        let server = Server::new(Api::new("Test").get("/things", greet, ""));
        let request = Request::options("/things")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET");
        let request = requested.iter().fold(request, |request, requested| {
            request.header("access-control-request-headers", *requested)
        });
        let answer = server.call(request, Body::empty()).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("vary"), "Access-Control-Request-Headers");
        let allowed = answer.header("access-control-allow-headers").to_ascii_lowercase();
        allowed.split(", ").map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_preflight_allows_the_headers_it_asks_for() {
        let names = [
            "x-stainless-os",
            "x-stainless-retry-count",
            "user-agent",
            "traceparent",
            "sentry-trace",
            "baggage",
            "x-requested-with",
            "cache-control",
            "openai-beta",
            "x-anything_else.1",
        ];
        let answered = allowed(&[&names[..4].join(","), &names[4..].join(" , ")]).await;
        for name in names.iter().chain(&["authorization", "x-current-org"]) {
            assert_eq!(answered.iter().filter(|known| known == name).count(), 1, "{name}");
        }
    }

    #[tokio::test]
    async fn a_header_that_is_known_or_asked_for_twice_is_listed_once() {
        let answered = allowed(&["AUTHORIZATION, content-type, x-a, X-A"]).await;
        for name in ["authorization", "content-type", "x-a"] {
            assert_eq!(answered.iter().filter(|known| *known == name).count(), 1, "{name}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_header_name_is_not_reflected() {
        let known = allowed(&[]).await;
        let long = "x".repeat(MAX_HEADER_NAME + 1);
        for requested in ["", ",,", "*", "a b", "a:b", "a;b", "<script>", "a\"b", long.as_str()] {
            let answered = allowed(&[requested]).await;
            // `*` is a token, hence a header name.
            assert!(answered == known || requested == "*", "{requested:?}: {answered:?}");
        }
    }

    #[tokio::test]
    async fn the_list_of_reflected_headers_is_bounded() {
        let requested: Vec<String> = (0..5000).map(|number| format!("x-{number}")).collect();
        let answered = allowed(&[&requested.join(",")]).await;
        assert!(answered.len() > 100, "{}", answered.len());
        assert!(answered.join(", ").len() <= KNOWN_HEADERS.len() + MAX_REFLECTED + 2);
    }
}
