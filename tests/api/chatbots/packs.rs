//! Chatbots with many documents: a question reads few objects, and finds the same.

use serde_json::{Value, json};

use crate::support::{ADMIN, Caller, Test};

const QUESTION: &str = "When does the keeper of gate 17 open it?";

async fn packs(t: &Test) -> Vec<String> {
    t.stack.idle().await;
    let keys = t.object_keys().await.into_iter();
    keys.filter(|key| key.contains("/b/")).collect()
}

/// Has every process forget what it has in memory.
async fn forget(t: &Test) {
    t.admin()
        .await
        .post("/api/v1/admin/system/cache/clear", json!({}))
        .await
        .ok();
    t.advance_seconds(31);
}

async fn sources(caller: &Caller, bot: &str) -> Value {
    let body = json!({"model": format!("chatbot/{bot}"), "message": QUESTION});
    let answer = caller.post("/api/v1/ai/chat", body).await.ok().json();
    assert_eq!(answer["sources"][0]["name"], "17.txt", "{answer}");
    answer["sources"].clone()
}

#[tokio::test]
async fn a_question_to_many_documents_reads_few_objects_and_finds_the_same() {
    let t = Test::with(&ADMIN).await;
    let ada = t.talker("ada").await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let text = format!("The keeper of gate {number} opens it at {number} minutes past noon.");
        ids.push(ada.upload(&format!("{number}.txt"), text).await.created().text("id"));
    }
    t.drain().await;
    let bot = ada.chatbot(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let path = format!("/api/v1/chatbots/{bot}");
    let first = sources(&ada, &bot).await;
    let stored = packs(&t).await;
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert!(
        stored[0].starts_with(&format!("t/{}/b/{bot}/", ada.org())),
        "{stored:?}"
    );
    // A document that is deleted leaves the pack too, with all that was in it.
    ada.delete(&format!("/api/v1/documents/{}", ids[0])).await.expect(204);
    t.drain().await;
    assert_eq!(packs(&t).await, Vec::<String>::new());
    forget(&t).await;
    sources(&ada, &bot).await;
    let second = packs(&t).await;
    assert!(second.len() == 1 && second != stored, "{second:?}");
    // One that is taken away leads to another pack, which replaces this one.
    ada.delete(&format!("{path}/documents/{}", ids[1])).await.ok();
    forget(&t).await;
    let before = sources(&ada, &bot).await;
    let third = packs(&t).await;
    assert!(third.len() == 1 && third != second, "{third:?}");
    // Nothing but the pack is read.
    for key in t.object_keys().await.iter().filter(|key| key.contains(".seg")) {
        t.s3().delete_object().bucket("parlance").key(key).send().await.unwrap();
    }
    forget(&t).await;
    assert_eq!(sources(&ada, &bot).await, before, "with the same scores");
    let session = ada
        .post("/api/chat/sessions", json!({"chatbotId": bot}))
        .await
        .created()
        .text("id");
    let answer = ada.ask(&session, QUESTION).await.ok().json();
    assert_eq!(answer["sources"][0]["name"], "17.txt", "another function: {answer}");
    assert_ne!(before, first, "scores are those of the documents that are left");
    ada.delete(&path).await.expect(204);
    t.drain().await;
    assert_eq!(packs(&t).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_damaged_pack_is_read_around() {
    let t = Test::with(&ADMIN).await;
    let ada = t.talker("ada").await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let text = format!("The keeper of gate {number} opens it at {number} minutes past noon.");
        ids.push(ada.upload(&format!("{number}.txt"), text).await.created().text("id"));
    }
    t.drain().await;
    let bot = ada.chatbot(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let before = sources(&ada, &bot).await;
    let [pack] = packs(&t).await.try_into().unwrap();
    let damage = t
        .s3()
        .put_object()
        .bucket("parlance")
        .key(&pack)
        .body(b"parlance pack 1\n\xff".to_vec().into());
    damage.send().await.unwrap();
    forget(&t).await;
    assert_eq!(sources(&ada, &bot).await, before);
    assert_eq!(packs(&t).await, [pack]);
}
