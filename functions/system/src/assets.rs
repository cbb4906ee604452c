//! The scripts and styles of Swagger UI and Redoc, served by this API: its pages load nothing from elsewhere.
//!
//! `aide` contains both and serves them inside whole pages with inline scripts, which the content security policy
//! forbids; so they are extracted from its pages, once per process.

use std::sync::LazyLock;

use aide::{redoc::Redoc, swagger::Swagger};
use http_api::ServedFile;

/// A file that never changes under its name and version.
pub(crate) struct Asset {
    /// Name under `/docs/` or `/redoc/`.
    pub(crate) name: &'static str,
    /// Content.
    pub(crate) file: ServedFile,
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, text: &str) -> Self {
        let file = ServedFile::new(content_type, text.as_bytes().to_vec());
        Self { name, file }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Both scripts are one folder below the documents, whatever the base URL of the API and the page's own URL.
///
/// They show one spelling at a time: the one selected in the list above the operations.
const SWAGGER_INIT: &str = r##"const script = document.currentScript.src;
const url = (name) => new URL(`../${name}`, script).href;
const spelling = document.getElementById("spelling");
const ui = SwaggerUIBundle({
  url: url(spelling.value),
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  displayRequestDuration: true,
  // Sends the document to nobody.
  validatorUrl: null,
});
spelling.addEventListener("change", () => {
  // The hash names an operation of the other document.
  location.hash = "";
  ui.specActions.updateUrl(url(spelling.value));
  ui.specActions.download(url(spelling.value));
});
"##;

const REDOC_INIT: &str = r#"const script = document.currentScript.src;
const spelling = document.getElementById("spelling");
const url = (name) => new URL(`../${name}`, script).href;
const show = () => Redoc.init(url(spelling.value), {
  // The search index is built in a worker made from a blob, the logo comes from elsewhere: neither is allowed here.
  disableSearch: true,
}, document.getElementById("redoc"));
spelling.addEventListener("change", show);
show();
"#;

/// Returns the assets of `/docs`.
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

/// Returns the assets of `/redoc`.
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
    // The last line may name a source map, which is not served.
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
        let text = |asset: &'static Asset| asset.file.text();
        assert!(text(css).len() > 100_000 && text(css).contains(".swagger-ui") && text(css).ends_with('}'));
        assert!(text(swagger).len() > 1_000_000 && text(swagger).contains("SwaggerUIBundle"));
        assert!(text(redoc).len() > 800_000 && text(redoc).contains("Redoc"));
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
