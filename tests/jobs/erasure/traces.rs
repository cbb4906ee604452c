//! Where the marker is.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::MARKER;
use crate::support::Test;

/// Where the marker is: tables, bucket, queues with their dead letters, and mail.
pub(super) async fn traces(t: &Test) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["identity", "app", "chunks", "usage", "ephemeral", "audit"] {
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
            let in_bytes = bytes.into_iter().any(|bytes| contains(bytes.as_ref()));
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

pub(super) fn contains(bytes: &[u8]) -> bool {
    bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
}
