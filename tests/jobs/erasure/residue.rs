//! Where the marker is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use aws_sdk_dynamodb::types::AttributeValue;

use super::MARKER;
use crate::support::{Test, unpacked};

/// Where the marker is: tables, bucket, queues with their dead letters, and mail.
pub(super) async fn residue(t: &Test) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["identity", "app", "usage", "ephemeral", "audit"] {
        let mut items = t
            .db()
            .scan()
            .table_name(format!("parlance-{table}"))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            let (pk, sk) = (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone());
            // Bytes are sealed or packed; what they hold is below as well.
            let bytes = item.values().filter_map(|value| value.as_b().ok());
            let in_bytes = bytes
                .into_iter()
                .any(|bytes| contains(bytes.as_ref()) || contains(&unpacked(bytes.as_ref())));
            if format!("{:?}", AttributeValue::M(item.clone())).contains(MARKER) || in_bytes {
                found.insert(format!("{table} {pk} {sk}"));
            }
        }
    }
    let config = aws_sdk_s3::config::Builder::from(t.stack.sdk())
        .force_path_style(true)
        .build();
    let bucket = aws_sdk_s3::Client::from_conf(config);
    for key in t.object_keys().await {
        let object = bucket.get_object().bucket("parlance").key(&key).send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().into_bytes();
        if contains(&bytes) || key.contains(MARKER) {
            found.insert(format!("object {key}"));
        }
    }
    let sqs = t.stack.cloud().sqs();
    for queue in local::functions::workers(t.stack.functions())
        .into_iter()
        .map(|worker| worker.name)
    {
        let waiting = sqs.receive(queue, 10, Some(std::time::Duration::ZERO)).unwrap();
        let dead = sqs.dead_letters(queue).unwrap();
        let bodies = waiting.into_iter().map(|message| message.body);
        let bodies = bodies.chain(dead.into_iter().map(|message| format!("{message:?}")));
        found.extend(
            bodies
                .filter(|body| body.contains(MARKER))
                .map(|_| format!("queue {queue}")),
        );
    }
    // An invitation that was mailed is its reader's.
    let mails = t
        .outbox()
        .await
        .into_iter()
        .filter(|mail| !mail["to"].as_str().unwrap().starts_with("friend-"));
    let mails = mails.filter(|mail| mail.to_string().contains(MARKER));
    found.extend(mails.map(|mail| format!("mail {}", mail["subject"])));
    found
}

/// Files below a folder that hold a text, in their names or content, and what is around it.
pub(crate) fn files_with(text: &str, folder: &Path) -> BTreeMap<PathBuf, String> {
    let around = |bytes: &[u8]| {
        let at = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
        let part = &bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())];
        Some(String::from_utf8_lossy(part).into_owned())
    };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(text, &path));
            continue;
        }
        let mut content = std::fs::read(&path).unwrap();
        if path.ends_with("outbox.jsonl") {
            // An invitation that was mailed is its reader's.
            let lines = content.split_inclusive(|byte| *byte == b'\n');
            let kept = lines.filter(|line| !String::from_utf8_lossy(line).contains("\"to\":\"friend-"));
            content = kept.collect::<Vec<_>>().concat();
        }
        if let Some(around) = around(path.to_string_lossy().as_bytes()).or_else(|| around(&content)) {
            found.insert(path, around);
        }
    }
    found
}

pub(super) fn contains(bytes: &[u8]) -> bool {
    bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
}
