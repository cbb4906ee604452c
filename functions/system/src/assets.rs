//! The scripts and styles of Swagger UI and Redoc, served by us: no page of ours loads anything from elsewhere.
//!
//! `aide` carries both and hands them out inside whole pages with inline scripts, which our content security policy
//! forbids; so the files are cut out of its pages, once per process.

use std::sync::LazyLock;

use aide::{redoc::Redoc, swagger::Swagger};
use sha2::{Digest as _, Sha256};

/// A file that never changes under its name and version.
pub(crate) struct Asset {
    /// Name under `/docs/` or `/redoc/`.
    pub(crate) name: &'static str,
    /// Media type.
    pub(crate) content_type: &'static str,
    /// Content.
    pub(crate) bytes: Vec<u8>,
    /// First 16 hex digits of the SHA-256.
    pub(crate) version: String,
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, text: &str) -> Self {
        let version = hex::encode(&Sha256::digest(text)[..8]);
        Self {
            name,
            content_type,
            bytes: text.as_bytes().to_vec(),
            version,
        }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Both scripts are a folder below the document, whatever the API is below and however the page's own URL ends.
const SWAGGER_INIT: &str = r##"SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  displayRequestDuration: true,
  // Sends the document to nobody.
  validatorUrl: null,
});
"##;

const REDOC_INIT: &str = r#"Redoc.init(new URL("../openapi.json", document.currentScript.src).href, {
  // The search index is built in a worker made from a blob, the logo comes from elsewhere: neither is allowed here.
  disableSearch: true,
}, document.getElementById("redoc"));
"#;

/// The assets of `/docs`.
pub(crate) static SWAGGER: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let page = Swagger::new("").html();
    [
        Asset::new(
            "swagger-ui.css",
            "text/css; charset=utf-8",
            between(&page, "<style>", "</style>"),
        ),
        Asset::new("swagger-ui-bundle.js", SCRIPT, between(&page, "<script>", "</script>")),
        Asset::new("init.js", SCRIPT, SWAGGER_INIT),
    ]
});

/// The assets of `/redoc`.
pub(crate) static REDOC: LazyLock<[Asset; 2]> = LazyLock::new(|| {
    let page = Redoc::new("").html();
    [
        Asset::new(
            "redoc.standalone.js",
            SCRIPT,
            between(&page, "<script>", "Redoc.init(\"\""),
        ),
        Asset::new("init.js", SCRIPT, REDOC_INIT),
    ]
});

fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let rest = page.split_once(start).map_or("", |(_, rest)| rest);
    let text = rest.split_once(end).map_or("", |(text, _)| text).trim();
    // The last line may name a source map, which nobody serves.
    match text.rsplit_once('\n') {
        Some((text, last)) if last.contains("# sourceMappingURL=") => text.trim_end(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_whole() {
        let [css, swagger, _] = &*SWAGGER;
        let [redoc, _] = &*REDOC;
        let text = |asset: &Asset| String::from_utf8_lossy(&asset.bytes).into_owned();
        assert!(css.bytes.len() > 100_000 && text(css).contains(".swagger-ui") && text(css).ends_with('}'));
        assert!(swagger.bytes.len() > 1_000_000 && text(swagger).contains("SwaggerUIBundle"));
        assert!(redoc.bytes.len() > 800_000 && text(redoc).contains("Redoc"));
        for asset in [swagger, redoc] {
            assert!(
                text(asset).starts_with("/*! For license"),
                "{} begins elsewhere",
                asset.name
            );
            assert!(text(asset).ends_with(';'), "{} is cut", asset.name);
        }
    }
}
