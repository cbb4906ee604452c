//! The quick start of the README, as it is written there.

use std::{path::Path, process::Command};

use crate::support::Test;

/// Where a developer's stack is, in the README.
const HOST: &str = "localhost:8000";

/// What the README has a reader paste into a shell.
fn quick_start() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, block) = readme.split_once("```bash\n").expect("README.md has a block of bash");
    let (block, _) = block.split_once("\n```").unwrap();
    assert!(block.contains(HOST), "{block}");
    block.to_owned()
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
    let script = quick_start().replace(&format!("http://{HOST}"), url.trim_end_matches('/'));
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
    println!("{shown}");
    assert!(ran.status.success(), "{shown}\n{errors}");
    assert!(shown.contains("three years"), "{shown}\n{errors}");
    assert!(shown.contains(r#""number":1"#), "a citation: {shown}");
    assert!(shown.ends_with("data: [DONE]\n\n"), "the stream ends: {shown}");
    assert!(!shown.contains("event: error"), "{shown}");
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "the quick start leaves files behind: {left:?}");
}
