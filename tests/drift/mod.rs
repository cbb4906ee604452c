//! What is described twice stays the same: `template.yaml` and the code it deploys.

mod documents;
mod json_schema;
pub(crate) mod names;
mod openapi_style;
mod permissions;
mod resources;
mod routes;
mod sentences;
mod toolchain;
mod wiring;

use std::path::{Path, PathBuf};

use local::template::Template;

/// `template.yaml`.
fn template() -> &'static Template {
    Template::embedded().unwrap()
}

/// All files of Rust below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
