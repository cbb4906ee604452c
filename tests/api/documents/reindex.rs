//! A document is indexed again, and nobody notices before it is done.

use futures::future::join_all;
use serde_json::{Value, json};

use super::SharedDocuments;
use crate::support::{Caller, Test};

fn path(id: &str) -> String {
    format!("/api/v1/documents/{id}")
}

/// Replaces the file of a document in the bucket, as nobody can: only then is a second index another one.
async fn replace_file(t: &Test, caller: &Caller, id: &str, text: &str) {
    let key = format!("t/{}/d/{id}/source", caller.org());
    let same_size = format!("{text:<0$}", OLD.len());
    let put = aws_sdk_s3::Client::new(t.stack.sdk())
        .put_object()
        .bucket("parlance")
        .key(key);
    put.body(same_size.into_bytes().into()).send().await.unwrap();
}

async fn ask(caller: &Caller, bot: &str, question: &str) -> Value {
    let body = json!({"model": format!("chatbot/{bot}"), "message": question});
    caller.post("/api/v1/ai/chat", body).await.ok().json()
}

const OLD: &str = "The Meridian lamp has a warranty of three years.";
const NEW: &str = "The Meridian lamp has a warranty of seven years.";

#[tokio::test]
async fn the_old_index_answers_until_the_new_one_is_finished() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("lamp.txt", OLD).await.created().text("id");
    t.drain().await;
    let bot = ada.chatbot(&[&id]).await;
    replace_file(&t, &ada, &id, NEW).await;
    let begun = ada.post(&format!("{}/reindex", path(&id)), json!({})).await.ok().json();
    assert_eq!((&begun["status"], &begun["progress"]), (&json!("pending"), &json!(0)));
    assert_eq!(begun["error"], json!(null));
    let answer = ask(&ada, &bot, "How long is the warranty?").await;
    assert!(answer["content"].as_str().unwrap().contains("three"), "{answer}");
    t.drain().await;
    let done = ada.get(&path(&id)).await.ok().json();
    assert_eq!((&done["status"], &done["progress"]), (&json!("ready"), &json!(100)));
    let answer = ask(&ada, &bot, "How long is the warranty?").await;
    assert!(answer["content"].as_str().unwrap().contains("seven"), "{answer}");
}

#[tokio::test]
async fn the_client_may_wait_and_both_surfaces_have_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("lamp.txt", OLD).await.created().text("id");
    let waiting = ada.with_header("prefer", "wait=20");
    waiting.post(&format!("{}/reindex", path(&id)), json!({})).await.ok();
    let done = waiting
        .post(&format!("/api/documents/{id}/reindex"), json!({}))
        .await
        .ok();
    assert_eq!(done.json()["status"], "ready");
}

#[tokio::test]
async fn its_uploader_and_admins_may_and_nobody_else() {
    let SharedDocuments {
        t,
        boss,
        ada,
        bob,
        eve,
        own,
        other,
    } = SharedDocuments::of(OLD, OLD).await;
    let reindex = async |caller: &Caller, id: &str| caller.post(&format!("{}/reindex", path(id)), json!({})).await;
    reindex(&bob, &other).await.problem(403, "not_yours");
    reindex(&eve, &own).await.problem(404, "not_found");
    reindex(&ada, &own).await.problem(404, "not_found");
    reindex(&t.anonymous(), &own).await.expect(401);
    reindex(&bob, &own).await.ok();
    reindex(&boss, &own).await.ok();
    reindex(&boss, "none").await.problem(404, "not_found");
}

#[tokio::test]
async fn many_requests_at_once_are_one_generation_and_no_segment_is_left() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("lamp.txt", OLD).await.created().text("id");
    t.drain().await;
    let mut keys = Vec::new();
    for text in [NEW, OLD, "Nothing about lamps.", NEW] {
        replace_file(&t, &ada, &id, text).await;
        let again = format!("{}/reindex", path(&id));
        let answers = join_all((0..16).map(|_| ada.post(&again, json!({})))).await;
        for answer in answers {
            answer.ok();
        }
        t.drain().await;
        keys = t.object_keys().await;
        let segments = keys.iter().filter(|key| key.contains(".seg")).count();
        assert!(segments <= 2, "the one in use and the one before it: {keys:?}");
    }
    assert_eq!(keys.len(), 3, "{keys:?}");
    ada.delete(&path(&id)).await.expect(204);
    t.drain().await;
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_became_unreadable_fails_and_the_old_index_stays_in_use() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("lamp.txt", OLD).await.created().text("id");
    t.drain().await;
    let bot = ada.chatbot(&[&id]).await;
    replace_file(&t, &ada, &id, "   ").await;
    ada.post(&format!("{}/reindex", path(&id)), json!({})).await.ok();
    t.drain().await;
    let failed = ada.get(&path(&id)).await.ok().json();
    assert_eq!(
        (&failed["status"], &failed["error_code"]),
        (&json!("failed"), &json!("empty"))
    );
    let answer = ask(&ada, &bot, "How long is the warranty?").await;
    assert!(answer["content"].as_str().unwrap().contains("three"), "{answer}");
    replace_file(&t, &ada, &id, NEW).await;
    ada.post(&format!("{}/reindex", path(&id)), json!({})).await.ok();
    t.drain().await;
    let ready = ada.get(&path(&id)).await.ok().json();
    assert_eq!((&ready["status"], &ready["error"]), (&json!("ready"), &json!(null)));
}

#[tokio::test]
async fn a_message_that_the_queue_lost_is_sent_again() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("lamp.txt", OLD).await.created().text("id");
    t.drain().await;
    t.without_queue("index_documents", async {
        let begun = ada.post(&format!("{}/reindex", path(&id)), json!({})).await.ok();
        assert_eq!(begun.json()["status"], "pending");
    })
    .await;
    t.advance_seconds(16 * 60);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    t.drain().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(ada.get(&path(&id)).await.ok().json()["status"], "ready");
}
