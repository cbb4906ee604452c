//! The page of test payments. It exists in the local stack only.
//! They load nothing from elsewhere, and no script is inline.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// The token in the URL is as valuable as a password: no other origin may learn it or frame the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
/// The files by path.
const FILES: [(&str, &str, &str); 3] = [
    ("/_local/pay", HTML, include_str!("pages/pay.html")),
    (
        "/_local/pay.js",
        "text/javascript; charset=utf-8",
        include_str!("pages/pay.js"),
    ),
    (
        "/_local/page.css",
        "text/css; charset=utf-8",
        include_str!("pages/page.css"),
    ),
];

/// Returns the routes. `stage`: the stage of the API that the pages call.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(stage: Option<&str>) -> Router<S> {
    let api = stage.map_or_else(|| "\"/api/".to_owned(), |stage| format!("\"/{stage}/api/"));
    FILES.into_iter().fold(Router::new(), |all, (path, media_type, text)| {
        let text = text.replace("\"/api/", &api);
        let file = get(move || async move { file(media_type, text) });
        // As everywhere, a trailing slash is ignored.
        all.route(path, file.clone()).route(&format!("{path}/"), file)
    })
}

fn file(media_type: &'static str, text: String) -> Response {
    let headers: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (
        headers.map(|(name, value)| (name, HeaderValue::from_static(value))),
        text,
    )
        .into_response()
}
