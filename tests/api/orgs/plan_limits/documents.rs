//! Documents and their bytes, uploaded and announced.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::json;

use super::{APP, counter, forget_counters, id, outcome};
use crate::support::{Caller, RACERS, Test, rounds, statuses};

const UPLOADS: &str = "/api/v1/documents/uploads";
const MIB: u64 = 1024 * 1024;
/// Size of a file of which ten fit into a MiB.
const SIZE: usize = 100 * 1024;

/// Puts rows of documents into the table, as a release before wrote them.
async fn earlier_documents(t: &Test, ada: &Caller, count: u64, size: u64) {
    let sample = ada.upload("sample.txt", "text").await.created().text("id");
    let get = t.db().get_item().table_name(APP);
    let get = get.key("pk", AttributeValue::S(format!("O#{}", ada.org())));
    let get = get.key("sk", AttributeValue::S(format!("D#{sample}")));
    let row = get.send().await.unwrap().item.unwrap();
    for number in 0..count {
        let mut row = row.clone();
        let id = format!("00000000-0000-7000-8000-{number:012}");
        row.insert("sk".to_owned(), AttributeValue::S(format!("D#{id}")));
        row.insert("id".to_owned(), AttributeValue::S(id));
        row.insert("size_bytes".to_owned(), AttributeValue::N(size.to_string()));
        t.db()
            .put_item()
            .table_name(APP)
            .set_item(Some(row))
            .send()
            .await
            .unwrap();
    }
    forget_counters(t, ada.org()).await;
}

#[tokio::test]
async fn of_many_documents_at_once_as_many_are_taken_as_the_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    // With the sample and these, 95 of an earlier release.
    earlier_documents(&t, &ada, 94, 10).await;
    let upload = |number: usize| {
        let ada = ada.clone();
        async move {
            if number.is_multiple_of(2) {
                ada.upload(&format!("{number}.txt"), "text").await
            } else {
                ada.post(UPLOADS, json!({"file_name": "a.txt", "size": 4})).await
            }
        }
    };
    let created = outcome(join_all((0..RACERS).map(upload)).await, "documents", 100);
    assert_eq!(created.len(), 5);
    assert_eq!(counter(&t, ada.org(), "documents").await, Some(100));
    assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(94 * 10 + 4 + 5 * 4));
    let files: Vec<String> = t
        .object_keys()
        .await
        .into_iter()
        .filter(|key| key.ends_with("/source"))
        .collect();
    let announced = created.iter().filter(|made| made.get("url").is_some()).count();
    assert_eq!(
        files.len(),
        1 + 5 - announced,
        "what was refused leaves no file: {files:?}"
    );
}

#[tokio::test]
async fn of_many_bytes_at_once_as_many_are_taken_as_the_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for round in 0..rounds() {
        let caller = t.user(&format!("ada{round}")).await;
        earlier_documents(&t, &caller, 1, 249 * MIB).await;
        let text = "a line of text, and one more ".repeat(SIZE / 29 + 1);
        let upload = |number: usize| {
            let (caller, file) = (caller.clone(), text.as_bytes()[..SIZE].to_vec());
            async move {
                if number.is_multiple_of(3) {
                    caller.post(UPLOADS, json!({"file_name": "a.txt", "size": SIZE})).await
                } else {
                    caller.upload(&format!("{number}.txt"), file).await
                }
            }
        };
        // Ten fit into the last MiB, beside the sample.
        let created = outcome(join_all((0..RACERS).map(upload)).await, "storage_bytes", 250 * MIB);
        assert_eq!(created.len(), 10);
        let used = counter(&t, caller.org(), "storage_bytes").await;
        assert_eq!(used, Some(249 * MIB + 4 + 10 * SIZE as u64));
        // What still fits is taken to the byte.
        let left = 250 * MIB - used.unwrap();
        let begin = |size: u64| caller.post(UPLOADS, json!({"file_name": "a.txt", "size": size}));
        begin(left + 1).await.problem(409, "limit_reached");
        begin(left).await.created();
        begin(1).await.problem(409, "limit_reached");
        // Others have their own room.
        ada.upload("a.txt", "text").await.created();
    }
}

#[tokio::test]
async fn an_announced_file_takes_room_until_its_upload_has_ended() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let begin = |ada: Caller| async move {
        let large = json!({"file_name": "a.pdf", "size": 25 * MIB});
        outcome(
            join_all((0..RACERS).map(|_| ada.post(UPLOADS, large.clone()))).await,
            "storage_bytes",
            250 * MIB,
        )
    };
    assert_eq!(begin(ada.clone()).await.len(), 10);
    // They have ended; whoever needs their room gets it, once.
    t.advance_seconds(3601);
    let ada = ada.sign_in_again().await;
    assert_eq!(begin(ada.clone()).await.len(), 10);
    assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(250 * MIB));
    // A day later those that nobody needed are swept, and nothing is released twice.
    t.advance_seconds(26 * 3600);
    for _ in 0..2 {
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
        assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(0));
        assert_eq!(counter(&t, ada.org(), "documents").await, Some(0));
    }
    // A completed upload is the room that was announced.
    let ada = ada.sign_in_again().await;
    let upload = ada.begin_upload("a.txt", 4).await;
    upload.put(b"text".to_vec()).await.ok();
    let completed = join_all((0..8).map(|_| upload.complete())).await;
    assert_eq!(statuses(&completed), BTreeMap::from([(200, 7), (201, 1)]));
    t.drain().await;
    t.advance_seconds(26 * 3600);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(4));
    assert_eq!(counter(&t, ada.org(), "documents").await, Some(1));
}

#[tokio::test]
async fn a_deleted_document_gives_its_room_back_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    earlier_documents(&t, &ada, 98, 10).await;
    for _ in 0..rounds() {
        let made = ada
            .upload("a.txt", "The warranty is five years.")
            .await
            .created()
            .text("id");
        ada.upload("b.txt", "text").await.problem(409, "limit_reached");
        let path = format!("/api/v1/documents/{made}");
        // Deleting it, uploading and indexing meet.
        let upload = |number: usize| {
            let ada = ada.clone();
            async move { ada.upload(&format!("{number}.txt"), "text").await }
        };
        let (gone, uploads, _) = tokio::join!(
            join_all((0..8).map(|_| ada.delete(&path))),
            join_all((0..16).map(upload)),
            t.drain()
        );
        assert_eq!(statuses(&gone), BTreeMap::from([(204, 1), (404, 7)]));
        let mut created = outcome(uploads, "documents", 100);
        if created.is_empty() {
            created.push(ada.upload("b.txt", "text").await.created().json());
        }
        assert_eq!(created.len(), 1);
        ada.upload("c.txt", "text").await.problem(409, "limit_reached");
        ada.delete(&format!("/api/v1/documents/{}", id(&created[0])))
            .await
            .expect(204);
        assert_eq!(counter(&t, ada.org(), "documents").await, Some(99));
        assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(98 * 10 + 4));
    }
    t.drain_all().await;
    t.advance_seconds(25 * 3600);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    let files: Vec<String> = t.object_keys().await;
    let sample = ada
        .sign_in_again()
        .await
        .get("/api/v1/documents?limit=1")
        .await
        .ok()
        .json()[0]["id"]
        .clone();
    let sample = sample.as_str().unwrap();
    assert!(
        files.iter().all(|key| key.contains(sample)),
        "files of deleted documents: {files:?}"
    );
}
