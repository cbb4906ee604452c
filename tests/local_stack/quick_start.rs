//! The quick start of the README, as it is written there.

use std::{path::Path, process::Command, sync::LazyLock};

use regex::Regex;

use crate::support::Test;

/// Where a developer's stack is, in the README.
const HOST: &str = "localhost:8000";

/// The first block of code in the README in this language.
fn block(language: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, block) = readme
        .split_once(&format!("```{language}\n"))
        .unwrap_or_else(|| panic!("README.md has no block of {language}"));
    let (block, _) = block.split_once("\n```").unwrap();
    block.to_owned()
}

/// A stream without its ids, which differ from run to run.
fn without_ids(stream: &str) -> String {
    static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap());
    ID.replace_all(stream.trim(), "ID").into_owned()
}

/// Whether this machine has a program.
fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[tokio::test]
async fn the_quick_start_of_the_readme_answers_from_the_document() {
    for program in ["bash", "curl"] {
        if !has(program) {
            println!("SKIPPED: this machine has no {program}, so nobody pasted the quick start into a shell.");
            return;
        }
    }
    let t = Test::without_faults("the README's reader repeats nothing").await;
    let url = t.stack.url();
    let script = block("bash");
    assert!(script.contains(HOST), "{script}");
    let script = script.replace(&format!("http://{HOST}"), url.trim_end_matches('/'));
    assert!(!script.contains(HOST), "{script}");
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).current_dir(&folder);
    let ran = tokio::task::spawn_blocking(move || shell.output())
        .await
        .unwrap()
        .unwrap();
    let (shown, errors) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{shown}\n{errors}");
    // The README wraps the events.
    let promised = block("text").replace("\n  ", "");
    assert_eq!(without_ids(&shown), without_ids(&promised), "{errors}");
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "the quick start leaves files behind: {left:?}");
}
