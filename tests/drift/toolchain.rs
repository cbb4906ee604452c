//! One version of Rust is named everywhere.

use std::{fs, path::Path};

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(name)).unwrap_or_default()
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("{before:?} is missing"));
    rest.split(after).next().unwrap_or_default()
}

#[test]
fn the_readme_the_manifest_and_the_toolchain_name_the_same_rust() {
    let manifest = read("Cargo.toml");
    let version = between(&manifest, "\nrust-version = \"", "\"");
    assert_eq!(between(&read("README.md"), "a machine with Rust (", ")"), version);
    for name in ["rust-toolchain", "rust-toolchain.toml"] {
        let pinned = read(name);
        assert!(pinned.is_empty() || pinned.contains(version), "{name}: {pinned}");
    }
    // Each crate takes it from the workspace, so cargo refuses an older compiler for all of them.
    let compiler = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(compiler, version);
}
