//! Equal files: read once within an organization, and nothing is shared but the work.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Caller, Test};

const LAMP: &str = "The Meridian lamp has a warranty of three years.";
/// Whoever reads it finds nothing.
const BLANK: &str = "                                                ";

async fn document(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/api/v1/documents/{id}")).await.ok().json()
}

/// Replaces the file of a document in the bucket, as nobody can: whoever reads it fails.
async fn blank(t: &Test, org: &str, id: &str) {
    let put = t
        .s3()
        .put_object()
        .bucket("parlance")
        .key(format!("t/{org}/d/{id}/source"));
    put.body(BLANK.as_bytes().to_vec().into()).send().await.unwrap();
}

async fn relay_message(t: &Test, ada: &Caller, id: &str) {
    let message = json!({"org_id": ada.org(), "document_id": id}).to_string();
    let send = t.sqs().send_message().queue_url(t.queue_url("index_documents"));
    send.message_body(message).send().await.unwrap();
    t.drain().await;
}

/// Sends the messages that were lost.
async fn relay(t: &Test, ada: &Caller) -> Caller {
    t.advance_seconds(16 * 60);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    t.drain_all().await;
    ada.sign_in_again().await
}

async fn warranty(caller: &Caller, id: &str) -> String {
    let bot = caller.chatbot(&[id]).await;
    let body = json!({"model": format!("chatbot/{bot}"), "message": "How long is the warranty of the lamp?"});
    let answer = caller.post("/api/v1/ai/chat", body).await.ok().text("content");
    caller.delete(&format!("/api/v1/chatbots/{bot}")).await.expect(204);
    answer
}

#[tokio::test]
async fn an_equal_file_takes_over_what_was_read_before() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let first = ada.upload("lamp.txt", LAMP).await.created().json();
    assert_eq!(first["duplicate_of"], Value::Null);
    t.drain().await;
    let second = async {
        let second = ada.upload("copy.txt", LAMP).await.created().json();
        blank(&t, ada.org(), second["id"].as_str().unwrap()).await;
        second
    };
    let second = Box::pin(t.without_queue("index_documents", second)).await;
    assert_eq!(
        (&second["duplicate_of"], &second["status"]),
        (&first["id"], &json!("pending"))
    );
    let ada = relay(&t, &ada).await;
    let [first, second] = [&first, &second].map(|uploaded| uploaded["id"].as_str().unwrap());
    let (original, copy) = (document(&ada, first).await, document(&ada, second).await);
    assert_eq!(
        (&copy["status"], &copy["duplicate_of"]),
        (&json!("ready"), &json!(first))
    );
    for field in ["chunks", "pages", "content_hash", "size_bytes"] {
        assert_eq!(copy[field], original[field], "{field}");
    }
    // Each has a file and a segment of its own: neither needs the other.
    for (gone, left) in [(first, second), (second, "")] {
        ada.delete(&format!("/api/v1/documents/{gone}")).await.expect(204);
        t.drain().await;
        let keys = t.object_keys().await;
        assert_eq!(keys.len(), if left.is_empty() { 0 } else { 2 }, "{keys:?}");
        if !left.is_empty() {
            assert!(warranty(&ada, left).await.contains("three"));
        }
    }
    let rows = t.items("parlance-app").await;
    assert!(
        rows.keys()
            .all(|(_, sk)| !sk.starts_with("H#") && !sk.starts_with("D#")),
        "{rows:?}"
    );
    let third = ada.upload("lamp.txt", LAMP).await.created().json();
    assert_eq!(third["duplicate_of"], Value::Null, "nothing is left to take over");
}

#[tokio::test]
async fn equal_files_at_once_are_read_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let uploaded = async {
        let answers = join_all((0..8).map(|number| {
            let ada = ada.clone();
            async move { ada.upload(&format!("{number}.txt"), LAMP).await.created().text("id") }
        }));
        let mut ids = answers.await;
        ids.sort_unstable();
        for id in &ids[1..] {
            blank(&t, ada.org(), id).await;
        }
        ids
    };
    let ids = Box::pin(t.without_queue("index_documents", uploaded)).await;
    let ada = relay(&t, &ada).await;
    for id in &ids {
        let document = document(&ada, id).await;
        assert_eq!(
            (&document["status"], &document["error"]),
            (&json!("ready"), &Value::Null),
            "{document}"
        );
        let is_first = *id == ids[0];
        assert_eq!(document["duplicate_of"].is_null(), is_first, "{document}");
    }
    assert!(warranty(&ada, &ids[7]).await.contains("three"));
    assert_eq!(t.object_keys().await.len(), 16, "a file and a segment each");
}

#[tokio::test]
async fn nothing_is_taken_over_from_another_organization_kind_or_failure() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    ada.upload("lamp.txt", LAMP).await.created();
    ada.upload("blank.txt", BLANK).await.created();
    t.drain().await;
    let foreign = eve.upload("lamp.txt", LAMP).await.created().json();
    assert_eq!(foreign["duplicate_of"], Value::Null);
    let markdown = ada.upload("lamp.md", LAMP).await.created().json();
    let again = ada.upload("again.txt", BLANK).await.created().json();
    t.drain().await;
    assert!(
        markdown["duplicate_of"].is_string() && again["duplicate_of"].is_string(),
        "named all the same"
    );
    let markdown = document(&ada, markdown["id"].as_str().unwrap()).await;
    assert_eq!(
        (&markdown["status"], &markdown["file_type"]),
        (&json!("ready"), &json!("md"))
    );
    let again = document(&ada, again["id"].as_str().unwrap()).await;
    assert_eq!(
        (&again["status"], &again["error_code"]),
        (&json!("failed"), &json!("empty"))
    );
    assert_eq!(document(&eve, foreign["id"].as_str().unwrap()).await["status"], "ready");
}

#[tokio::test]
async fn a_document_does_not_wait_for_ever_for_one_that_nobody_reads() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    // The message about the first one is lost, and its entry in the outbox with it.
    let stuck = t
        .without_queue("index_documents", ada.upload("a.txt", LAMP))
        .await
        .created()
        .text("id");
    let entries = t.items("parlance-app").await;
    let (pk, sk) = entries
        .keys()
        .find(|(pk, sk)| pk.starts_with("OUT#") && *sk == stuck)
        .unwrap();
    let delete = t.db().delete_item().table_name("parlance-app");
    let value = |text: &String| aws_sdk_dynamodb::types::AttributeValue::S(text.clone());
    delete.key("pk", value(pk)).key("sk", value(sk)).send().await.unwrap();
    let second = ada.upload("b.txt", LAMP).await.created().text("id");
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(document(&ada, &second).await["status"], "ready");
    assert_eq!(document(&ada, &stuck).await["status"], "pending");
    // Once it is requested, it takes over what was read meanwhile.
    relay_message(&t, &ada, &stuck).await;
    let found = document(&ada, &stuck).await;
    assert_eq!(
        (&found["status"], &found["duplicate_of"]),
        (&json!("ready"), &json!(second))
    );
}

#[tokio::test]
async fn a_file_put_into_the_bucket_is_compared_too() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let first = ada.upload("lamp.txt", LAMP).await.created().text("id");
    t.drain().await;
    let upload = ada.begin_upload("large.txt", LAMP.len()).await;
    upload.put(LAMP.as_bytes().to_vec()).await.ok();
    let completed = upload.complete().await.created().json();
    assert_eq!(completed["duplicate_of"], json!(first));
    t.drain().await;
    assert_eq!(upload.document().await["status"], "ready");
}
