//! Promises of uploads whose request failed or crashed between two steps.

use serde_json::json;

use crate::support::Test;

/// Promises that are not kept yet.
async fn promises(t: &Test) -> usize {
    t.items("parlance-app")
        .await
        .keys()
        .filter(|(pk, _)| pk.starts_with("OUT#"))
        .count()
}

#[tokio::test]
async fn an_upload_leaves_no_promise_behind() {
    let t = Test::new().await;
    t.user("ada")
        .await
        .upload("faq.txt", samples::faq_txt())
        .await
        .created();
    assert_eq!(promises(&t).await, 0);
}

#[tokio::test]
async fn a_message_that_could_not_be_queued_is_sent_by_the_relay() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let attributes = t.stack.cloud().sqs().attributes("index_documents").unwrap();
    t.sqs()
        .delete_queue()
        .queue_url(t.queue_url("index_documents"))
        .send()
        .await
        .unwrap();
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    assert_eq!(
        promises(&t).await,
        1,
        "the document was acknowledged, so its message is owed"
    );
    let redrive = attributes
        .into_iter()
        .filter(|(name, _)| name == "RedrivePolicy")
        .collect();
    t.stack.cloud().sqs().create_queue("index_documents", &redrive).unwrap();
    ada.post("/_local/run/relay_outbox", json!({})).await.ok();
    assert_eq!(promises(&t).await, 1, "its request may still be running");
    t.advance_seconds(14 * 60);
    ada.post("/_local/run/relay_outbox", json!({})).await.ok();
    t.advance_seconds(61);
    ada.post("/_local/run/relay_outbox", json!({})).await.ok();
    t.drain().await;
    assert_eq!(promises(&t).await, 0);
    let ada = ada.sign_in_again().await;
    assert_eq!(
        ada.get(&format!("/api/v1/documents/{id}")).await.ok().json()["status"],
        "ready"
    );
}

#[tokio::test]
async fn an_upload_that_fails_halfway_leaves_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(t.stack.sdk())
            .force_path_style(true)
            .build(),
    );
    s3.delete_bucket().bucket("parlance").send().await.unwrap();
    ada.upload("faq.txt", samples::faq_txt())
        .await
        .problem(503, "unavailable");
    assert_eq!(ada.get("/api/v1/documents").await.ok().json(), json!([]));
    assert_eq!(promises(&t).await, 1, "what could not be cleaned up is remembered");
    s3.create_bucket().bucket("parlance").send().await.unwrap();
    t.advance_seconds(901);
    ada.post("/_local/run/relay_outbox", json!({})).await.ok();
    assert_eq!(promises(&t).await, 0);
}
