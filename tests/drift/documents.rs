//! The documents lead where they say: links, headings and `make` targets exist, and the README stays short.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;

/// Lines that a reader has three minutes for.
const README_LINES: usize = 120;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// All Markdown files below a folder, but what tools leave there.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                found.extend(documents(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

/// Every document with its path from the root.
fn all() -> Vec<(PathBuf, String, String)> {
    let root = root();
    let mut all: Vec<_> = documents(&root)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let text = fs::read_to_string(&path).unwrap();
            (path, name, text)
        })
        .collect();
    all.sort();
    all
}

/// A document without its blocks of code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_fence && !is_code
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The names by which the headings of a document are linked, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

#[test]
fn every_link_between_documents_leads_to_a_file() {
    static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^)\s]+)\)").unwrap());
    let mut broken = Vec::new();
    let mut links = 0;
    for (path, name, text) in all() {
        for link in LINK.captures_iter(&prose(&text)) {
            let target = &link[1];
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let leads = file.exists()
                && (anchor.is_empty() || fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(anchor)));
            if !leads {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
    assert!(links > 50, "{links} links were found");
}

#[test]
fn every_make_target_in_a_document_exists() {
    static CALL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:`|\$ )make ([a-z][a-z0-9_-]*)").unwrap());
    static TARGET: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^([a-z][a-z0-9_ -]*):").unwrap());
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: BTreeSet<_> = TARGET
        .captures_iter(&makefile)
        .flat_map(|found| found[1].split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut unknown = Vec::new();
    for (_, name, text) in all() {
        let calls = CALL.captures_iter(&text).filter(|call| !targets.contains(&call[1]));
        unknown.extend(calls.map(|call| format!("{name}: make {}", &call[1])));
    }
    assert!(
        unknown.is_empty(),
        "the Makefile has no such target:\n{}",
        unknown.join("\n")
    );
    // And the tests' README explains each target of theirs.
    let explained = fs::read_to_string(root().join("tests/README.md")).unwrap();
    let missing: Vec<_> = targets
        .iter()
        .filter(|target| target.starts_with("test") && !explained.contains(&format!("`make {target}`")))
        .collect();
    assert!(missing.is_empty(), "tests/README.md does not explain {missing:?}");
}

#[test]
fn every_variable_of_the_local_stack_is_explained() {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"variable\("([A-Z_]+)"\)"#).unwrap());
    let text = fs::read_to_string(root().join("infra/local/README.md")).unwrap();
    let sources = super::sources(&root().join("infra/local/src"));
    let code: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let read = VARIABLE.captures_iter(&code).map(|found| found[1].to_owned());
    let secrets = local::SECRETS
        .iter()
        .copied()
        .chain(local::provider_keys())
        .chain(local::SLACK_APP.iter().copied())
        .map(str::to_owned);
    let missing: BTreeSet<_> = read
        .chain(secrets)
        .filter(|name| !text.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "infra/local/README.md does not explain {missing:?}");
}

#[test]
fn the_readme_is_short() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let lines = text.lines().count();
    assert!(
        lines <= README_LINES,
        "README.md has {lines} lines, {README_LINES} are allowed"
    );
}
