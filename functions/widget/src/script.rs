//! The script of the widget. It is built from `web` and embedded here.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    http::{HeaderMap, HeaderValue},
    response::Response,
};
use domain::Error;
use http_api::{Path, Problem, Result, ServedFile};
use rust_embed::RustEmbed;

/// Pages notice a new version within five minutes: the loader names the script by its hash.
const FIVE_MINUTES: &str = "public, max-age=300";
/// A year.
const FOREVER: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "assets"]
struct Embedded;

static FILES: LazyLock<BTreeMap<String, ServedFile>> = LazyLock::new(|| {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let file = |name: &str| Some(ServedFile::new(SCRIPT, Embedded::get(name)?.data.into_owned()));
    Embedded::iter()
        .filter_map(|name| Some((name.to_string(), file(&name)?)))
        .collect()
});

pub(crate) async fn loader(headers: HeaderMap) -> Result<Response> {
    served("widget.js", &headers, FIVE_MINUTES)
}

pub(crate) async fn file(Path(file): Path<String>, headers: HeaderMap) -> Result<Response> {
    served(&format!("widget/{file}"), &headers, FOREVER)
}

fn served(name: &str, headers: &HeaderMap, cache: &'static str) -> Result<Response> {
    let file = FILES.get(name).ok_or_else(|| Problem::from(Error::NotFound("file")))?;
    let mut response = file.response(headers, cache);
    // Pages of other origins load it, also those that isolate themselves (`Cross-Origin-Embedder-Policy`).
    let anyone = HeaderValue::from_static("cross-origin");
    response.headers_mut().insert("cross-origin-resource-policy", anyone);
    Ok(response)
}
