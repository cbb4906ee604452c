//! `/openapi.json`, Swagger UI and Redoc.

use std::sync::LazyLock;

use axum::{
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use domain::Error;
use http_api::{ApiRoot, Path, Problem, Result, ServedFile, Spelling};
use serde_json::Value;

use crate::assets::{Asset, REDOC, SWAGGER};

/// The OpenAPI document of all functions. `make openapi` writes it, and a test compares it with the route tables.
static TEXT: &str = include_str!("../openapi.json");

static DOCUMENT: LazyLock<ServedFile> = LazyLock::new(|| json_file(TEXT.as_bytes().to_vec()));
static SNAKE_CASE: LazyLock<ServedFile> = LazyLock::new(|| part(Spelling::SnakeCase));
static CAMEL_CASE: LazyLock<ServedFile> = LazyLock::new(|| part(Spelling::CamelCase));

/// The documents that users can select above the operations, and their labels.
const SPELLINGS: [(&str, &str); 2] = [
    ("openapi-snake-case.json", "snake_case: /api/v1 and /v1"),
    ("openapi-camel-case.json", "camelCase: /api"),
];

/// Clients revalidate after this time, and receive 304 if nothing changed.
const FIVE_MINUTES: &str = "public, max-age=300";

/// Allows only files that this API serves. Both tools set inline styles; no script is inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A year: the version in the URL changes with the content.
const FOREVER: &str = "public, max-age=31536000, immutable";

fn json_file(text: Vec<u8>) -> ServedFile {
    ServedFile::new("application/json", text)
}

fn part(spelling: Spelling) -> ServedFile {
    let whole: Value = serde_json::from_str(TEXT).unwrap_or_default();
    json_file(serde_json::to_vec(&spelling.part_of(&whole)).unwrap_or_default())
}

pub(crate) async fn openapi_document(headers: HeaderMap) -> Response {
    DOCUMENT.response(&headers, FIVE_MINUTES)
}

pub(crate) async fn openapi_snake_case(headers: HeaderMap) -> Response {
    SNAKE_CASE.response(&headers, FIVE_MINUTES)
}

pub(crate) async fn openapi_camel_case(headers: HeaderMap) -> Response {
    CAMEL_CASE.response(&headers, FIVE_MINUTES)
}

/// Returns the list to select a spelling from.
fn spellings() -> String {
    let options = SPELLINGS.map(|(document, text)| format!("<option value=\"{document}\">{text}</option>"));
    let style = "font: 14px sans-serif; padding: 12px 20px";
    format!(
        "<p style=\"{style}\"><label for=\"spelling\">Names of fields</label> <select id=\"spelling\">{}</select></p>",
        options.concat()
    )
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
{}
<div id="swagger-ui"></div>
<script src="{}"></script>
<script src="{}"></script>
</body>
</html>
"#,
        url(&root, "/docs", css),
        spellings(),
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
{}
<div id="redoc"></div>
<script src="{}"></script>
<script src="{}"></script>
</body>
</html>
"#,
        spellings(),
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
    root.to(&format!("{folder}/{}?v={}", asset.name, asset.file.version))
}

fn page(html: &str) -> Response {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("cache-control", "no-cache"),
    ];
    (headers, html.to_owned()).into_response()
}

fn serve(assets: &'static [Asset], name: &str, headers: &HeaderMap) -> Result<Response> {
    let asset = assets.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Problem::from(Error::NotFound("file")))?;
    Ok(asset.file.response(headers, FOREVER))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a missing header is the test's failure"
)]
mod tests {
    use axum::http::StatusCode;

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
            let headers = HeaderMap::from_iter([("if-none-match".parse().unwrap(), first.headers()["etag"].clone())]);
            let again = serve(all, asset.name, &headers).unwrap();
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
        let document: Value = serde_json::from_str(DOCUMENT.text()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn the_documents_of_the_spellings_are_parts_of_the_whole_one() {
        let read = |file: &ServedFile| -> Value { serde_json::from_str(file.text()).unwrap() };
        let paths = |document: &Value| {
            document["paths"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        let (whole, snake, camel) = (read(&DOCUMENT), read(&SNAKE_CASE), read(&CAMEL_CASE));
        assert_eq!(paths(&whole).len(), paths(&snake).len() + paths(&camel).len());
        assert!(
            paths(&camel)
                .iter()
                .all(|path| path.starts_with("/api/") && !path.starts_with("/api/v1/"))
        );
        for part in [&snake, &camel] {
            let text = part.to_string();
            for reference in text
                .split("\"$ref\":\"#")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
            {
                assert!(part.pointer(reference).is_some(), "{reference} does not resolve");
            }
            for (name, _) in part["components"]["schemas"].as_object().unwrap() {
                assert!(
                    text.contains(&format!("#/components/schemas/{name}\"")),
                    "{name} is not referenced"
                );
            }
        }
    }
}
