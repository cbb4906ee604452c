//! Names that others rely on stay what they are, whatever the code calls things: error codes, environment variables,
//! metrics, secrets, and what is stored. Routes, operations and fields of bodies are in the OpenAPI document, which has
//! a snapshot of its own.
//!
//! A name that is meant to change changes `names.txt` too: `PARLANCE_UPDATE_NAMES=1` writes it anew.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use super::{sources, template};
use crate::support::Test;

const STORED: &str = "stored";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("drift/names.txt")
}

/// Asserts that a section of the snapshot has these names.
fn assert_names(section: &str, names: impl IntoIterator<Item = String>) {
    static FILE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = FILE.lock().unwrap();
    let text = fs::read_to_string(file()).unwrap_or_default();
    let names: BTreeSet<String> = names.into_iter().map(|name| format!("{section}\t{name}")).collect();
    let is_of_section = |line: &&str| line.split('\t').next() == Some(section);
    if std::env::var_os("PARLANCE_UPDATE_NAMES").is_some() {
        let others = text.lines().filter(|line| !is_of_section(line)).map(str::to_owned);
        let all: BTreeSet<String> = others.chain(names).collect();
        let lines: Vec<_> = all.into_iter().collect();
        fs::write(file(), lines.join("\n") + "\n").unwrap();
        return;
    }
    let kept: BTreeSet<String> = text.lines().filter(is_of_section).map(str::to_owned).collect();
    let gone: Vec<_> = kept.difference(&names).collect();
    let new: Vec<_> = names.difference(&kept).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "names that others rely on changed; gone: {gone:#?}, new: {new:#?}"
    );
}

/// Asserts that what is stored has the names that it had.
pub(crate) async fn assert_stored_names(t: &Test) {
    assert_names(STORED, t.snapshot().await.names());
}

/// The text between `before` and a quotation mark, wherever it stands in the code, spaces aside.
fn quoted_after(before: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = ["shared", "functions"].map(|folder| sources(&root.join(folder)));
    let mut found = BTreeSet::new();
    for file in files.concat() {
        let text = fs::read_to_string(file).unwrap();
        for rest in text.split(before).skip(1) {
            let Some(rest) = rest.trim_start().strip_prefix('"') else {
                continue;
            };
            let name = rest.split('"').next().unwrap();
            if !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

#[test]
fn error_codes_are_those_of_the_snapshot() {
    let places = ["code:", "Error::conflict(", "Error::bad_request(", "Problem::new("];
    assert_names("error code", places.iter().flat_map(|place| quoted_after(place)));
}

#[test]
fn environment_variables_and_secrets_are_those_of_the_snapshot() {
    let functions = template().functions.iter();
    assert_names(
        "environment",
        functions.flat_map(|function| function.environment.keys().cloned()),
    );
    let secrets = local::SECRETS.iter().copied().chain(local::provider_keys());
    let secrets = secrets.chain(local::SLACK_APP.iter().copied());
    assert_names("secret", secrets.map(str::to_owned));
}

#[tokio::test]
async fn metrics_are_those_of_the_snapshot() {
    let t = Test::with(&[("METRICS_TOKEN", "a token that only this test knows")]).await;
    let scraper = t.anonymous().with_token("a token that only this test knows");
    let text = String::from_utf8(scraper.get("/metrics").await.ok().body).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    assert_names("metric", names.map(str::to_owned));
}
