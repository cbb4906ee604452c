//! `/openapi.json`, Swagger UI and Redoc.

use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use http_api::{ApiRoot, Path, Problem, Result};
use model::Error;

use crate::assets::{Asset, REDOC, SWAGGER};

/// The document of all functions. `make openapi` writes it, and a test compares it with the route tables.
static DOCUMENT: &str = include_str!("../openapi.json");

/// Only what we serve ourselves is loaded. Both tools set inline styles; no script is inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A year: the version in the URL changes with the content.
const FOREVER: &str = "public, max-age=31536000, immutable";

pub(crate) async fn openapi_document() -> Response {
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "public, max-age=300"),
    ];
    (headers, DOCUMENT).into_response()
}

pub(crate) async fn swagger_page(root: ApiRoot) -> Response {
    let [css, bundle, init] = &*SWAGGER;
    page(&format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parlance API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{}">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{}"></script>
<script src="{}"></script>
</body>
</html>
"#,
        url(&root, "/docs", css),
        url(&root, "/docs", bundle),
        url(&root, "/docs", init),
    ))
}

pub(crate) async fn redoc_page(root: ApiRoot) -> Response {
    let [bundle, init] = &*REDOC;
    page(&format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parlance API</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="redoc"></div>
<script src="{}"></script>
<script src="{}"></script>
</body>
</html>
"#,
        url(&root, "/redoc", bundle),
        url(&root, "/redoc", init),
    ))
}

pub(crate) async fn swagger_asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response> {
    serve(&*SWAGGER, &name, &headers)
}

pub(crate) async fn redoc_asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response> {
    serve(&*REDOC, &name, &headers)
}

fn url(root: &ApiRoot, folder: &str, asset: &Asset) -> String {
    root.to(&format!("{folder}/{}?v={}", asset.name, asset.version))
}

fn page(html: &str) -> Response {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("cache-control", "no-cache"),
    ];
    (headers, html.to_owned()).into_response()
}

fn serve(assets: &'static [Asset], name: &str, asked: &HeaderMap) -> Result<Response> {
    let asset = assets.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Problem::from(Error::NotFound("file")))?;
    let etag = format!("\"{}\"", asset.version);
    let headers = [
        ("content-type", asset.content_type),
        ("cache-control", FOREVER),
        ("etag", etag.as_str()),
    ];
    let known = asked.get("if-none-match").and_then(|tags| tags.to_str().ok());
    if known.is_some_and(|tags| tags.contains(&etag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, asset.bytes.as_slice()).into_response())
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a missing header is the test's failure"
)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_pages_load_nothing_from_elsewhere_and_hold_no_inline_script() {
        let root = || ApiRoot::of("/docs");
        for page in [swagger_page(root()).await, redoc_page(root()).await] {
            let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
            assert!(policy.contains("script-src 'self';"), "{policy}");
            let html = axum::body::to_bytes(page.into_body(), usize::MAX).await.unwrap();
            let html = std::str::from_utf8(&html).unwrap();
            assert!(
                !html.contains("http") && !html.contains("<script>") && !html.contains("//"),
                "{html}"
            );
        }
    }

    #[tokio::test]
    async fn every_file_that_a_page_names_is_served_for_a_year() {
        let swagger = SWAGGER.iter().map(|asset| (&SWAGGER[..], asset));
        for (all, asset) in swagger.chain(REDOC.iter().map(|asset| (&REDOC[..], asset))) {
            let first = serve(all, asset.name, &HeaderMap::new()).unwrap();
            assert_eq!(
                (first.status(), &first.headers()["cache-control"]),
                (StatusCode::OK, &FOREVER.parse().unwrap())
            );
            let asked = HeaderMap::from_iter([("if-none-match".parse().unwrap(), first.headers()["etag"].clone())]);
            let again = serve(all, asset.name, &asked).unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        }
        assert_eq!(
            serve(&*REDOC, "swagger-ui.css", &HeaderMap::new())
                .unwrap_err()
                .status(),
            404
        );
    }

    #[tokio::test]
    async fn the_document_is_openapi() {
        let body = axum::body::to_bytes(openapi_document().await.into_body(), usize::MAX)
            .await
            .unwrap();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
    }
}
