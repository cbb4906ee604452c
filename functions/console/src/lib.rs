//! The console: a single-page application that calls the public API. Its files are built from `web` and embedded here.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    response::{IntoResponse as _, Response},
};
use domain::Error;
use http_api::{Api, ApiRoot, Ctx, Path, Problem, Result, ServedFile, unknown_route};
use rust_embed::RustEmbed;

/// The page of all views.
const PAGE: &str = "index.html";
/// A year: names of these files contain the hash of their content.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// An hour, for files whose names stay.
const HOUR: &str = "public, max-age=3600";

#[derive(RustEmbed)]
#[folder = "assets"]
struct Embedded;

static FILES: LazyLock<BTreeMap<String, ServedFile>> = LazyLock::new(|| {
    let file = |name: &str| {
        Some(ServedFile::new(
            media_type(name),
            Embedded::get(name)?.data.into_owned(),
        ))
    };
    Embedded::iter()
        .filter_map(|name| Some((name.to_string(), file(&name)?)))
        .collect()
});

/// The operations of this function. Paths that no function has are views of the console for browsers that open them.
pub fn api() -> Api {
    Api::new("Console")
        .asset("/", open_console)
        .asset("/icon.svg", console_icon)
        .asset("/assets/{asset}", console_asset)
        .fallback(open_view)
}

async fn open_console(app: Ctx, root: ApiRoot) -> Response {
    page(&root, &app).await
}

/// Returns the console if a browser opens the path, else the error of an unknown path.
async fn open_view(app: Ctx, root: ApiRoot, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let is_read = [Method::GET, Method::HEAD].contains(&method);
    let is_of_api = ["/api/", "/v1/", "/_local/"]
        .iter()
        .any(|prefix| uri.path().starts_with(prefix));
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    if is_read && !is_of_api && accepted.any(|value| value.contains("text/html")) {
        page(&root, &app).await
    } else {
        unknown_route(uri).await.into_response()
    }
}

async fn console_icon(headers: HeaderMap) -> Result<Response> {
    Ok(file("icon.svg")?.response(&headers, HOUR))
}

async fn console_asset(Path(asset): Path<String>, headers: HeaderMap) -> Result<Response> {
    Ok(file(&format!("assets/{asset}"))?.response(&headers, FOREVER))
}

fn file(name: &str) -> Result<&'static ServedFile> {
    FILES.get(name).ok_or_else(|| Problem::from(Error::NotFound("file")))
}

/// Returns the page. Its references are relative to the root of the API, whose path only the browser knows.
async fn page(root: &ApiRoot, app: &Ctx) -> Response {
    let text = FILES.get(PAGE).map_or("", ServedFile::text);
    let base = match root.to("/") {
        base if base.is_empty() => "./".to_owned(),
        base => base,
    };
    let page = text.replacen("<head>", &format!("<head><base href=\"{base}\">"), 1);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, policy(&app.files_origin().await)),
    ];
    (headers, page).into_response()
}

/// Allows what the console itself consists of, its API, and the bucket, into which browsers put large files.
fn policy(bucket: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self' {bucket}; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
