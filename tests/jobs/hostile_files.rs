//! Files that attack their reader: each ends as it should, and nothing but its reader with it.

use std::{
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use reading::{Limits, ReadOutcome, Reader, Settings};
use retrieval::Kind;
use samples::Hostile;
use serde_json::json;

use crate::support::Test;

const MEMORY: u64 = 1769 * 1024 * 1024;

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_document_reader").into()
}

fn reader() -> Reader {
    Reader::new(Settings {
        program: program(),
        ..Settings::for_function(MEMORY)
    })
}

fn kind(name: &str) -> Kind {
    Kind::from_file_name(name).unwrap()
}

/// How reading a file ends: `ready`, or the code of its failure.
async fn end_of(reader: &Reader, name: &str, bytes: &[u8]) -> String {
    let reading = reader.read(kind(name), bytes.len() as u64, bytes).await.unwrap();
    match reading {
        ReadOutcome::Indexed(_) => "ready".to_owned(),
        ReadOutcome::Unfinished => "unfinished".to_owned(),
        ReadOutcome::Refused(failure) | ReadOutcome::Died { failure, .. } => failure.code,
    }
}

fn named(name: &str) -> Hostile {
    samples::hostile().into_iter().find(|file| file.name == name).unwrap()
}

#[tokio::test]
async fn every_hostile_file_ends_as_expected() {
    let reader = reader();
    let ends = stream::iter(samples::hostile()).map(|file| {
        let reader = &reader;
        async move {
            let begun = tokio::time::Instant::now();
            let bytes = (file.bytes)();
            // Each fits into an upload of the smallest plan.
            assert!(!bytes.is_empty() && bytes.len() < 25 * 1024 * 1024, "{file:?}");
            let end = end_of(reader, file.name, &bytes).await;
            eprintln!("{:<32} {end:<10} {:>6} ms", file.name, begun.elapsed().as_millis());
            (!file.ends.contains(&end.as_str())).then(|| format!("{file:?} is {end}"))
        }
    });
    let wrong: Vec<String> = ends.buffer_unordered(2).filter_map(async |wrong| wrong).collect().await;
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn an_honest_file_is_read_within_a_quarter_of_the_memory() {
    let mut settings = Settings::for_function(MEMORY);
    settings.program = program();
    settings.limits.memory_bytes /= 4;
    let reader = Reader::new(settings);
    let files = [
        (samples::HANDBOOK, samples::handbook_pdf()),
        (samples::PRODUCT, samples::product_docx()),
        (samples::FAQ, samples::faq_txt()),
    ];
    for (name, bytes) in files {
        assert_eq!(end_of(&reader, name, &bytes).await, "ready", "{name}");
    }
}

#[tokio::test]
async fn limits_hold_in_the_child() {
    let file = named("different-words.txt");
    let bytes = (file.bytes)();
    let with = |memory_bytes, cpu_seconds| {
        Reader::new(Settings {
            program: program(),
            limits: Limits {
                memory_bytes,
                cpu: Duration::from_secs(cpu_seconds),
                run: Duration::from_secs(45),
                deadline: Duration::from_mins(1),
            },
            parallel: 1,
        })
    };
    // Enough for the file and not for its index; then time for the start and not for the index.
    assert_eq!(
        end_of(&with(24 * 1024 * 1024, 60), file.name, &bytes).await,
        "too_large"
    );
    assert_eq!(end_of(&with(MEMORY, 0), file.name, &bytes).await, "too_slow");
}

#[tokio::test]
async fn a_reader_ends_with_its_parent() {
    let bytes = (named("different-words.txt").bytes)();
    let size = bytes.len().to_string();
    let mut child = Command::new(program())
        .args(["read-document", "txt", "0", &size, "1000000000", "60", "45000", ""])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&bytes).unwrap();
    // Its answer is larger than a pipe holds, so it cannot end before somebody reads that, or this end is gone.
    drop(stdin);
    let status = child.wait().unwrap();
    let mut answer = Vec::new();
    child.stdout.unwrap().read_to_end(&mut answer).unwrap();
    assert_eq!(status.code(), Some(3), "{} bytes were answered", answer.len());
}

#[tokio::test]
async fn a_document_that_kills_its_reader_fails_the_second_time_and_alone() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let file = named("nested-in-object-stream.pdf");
    let hostile = ada.upload(file.name, (file.bytes)()).await.created().text("id");
    let good = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    assert_eq!(t.drain().await.waiting, 1, "it may try once more");
    let document = ada.get(&format!("/api/v1/documents/{good}")).await.ok().json();
    assert_eq!(document["status"], "ready");
    t.advance_seconds(901);
    assert_eq!(t.drain().await.waiting, 0, "and not twice");
    let ada = ada.sign_in_again().await;
    let document = ada.get(&format!("/api/v1/documents/{hostile}")).await.ok().json();
    assert_eq!(
        (&document["status"], &document["error_code"]),
        (&json!("failed"), &json!("damaged")),
        "{document}"
    );
}
