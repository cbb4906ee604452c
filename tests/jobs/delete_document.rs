//! Deleting a document: invisible at once, and nothing is left when the job is done, whatever was interrupted.

use domain::{DocumentId, OrgId, Purge};
use serde_json::json;

use crate::support::{Caller, Test};

/// Items and objects that name a document, but for the sweep that comes a day later, and the note that it has changed,
/// which expires then.
async fn traces(t: &Test, id: &str) -> Vec<String> {
    let mut found = t.object_keys().await;
    found.retain(|key| key.contains(id));
    let items = t.items("parlance-app").await.into_iter();
    let named = items
        .filter(|((pk, _), _)| pk != "SWEEP" && !pk.ends_with("#CHANGES"))
        .filter(|((pk, sk), item)| [pk, sk, item].iter().any(|text| text.contains(id)));
    found.extend(named.map(|((pk, sk), _)| format!("{pk} {sk}")));
    found
}

/// A document in two chatbots.
async fn document(t: &Test, ada: &Caller) -> String {
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    t.drain().await;
    for _ in 0..2 {
        ada.chatbot(&[&id]).await;
    }
    assert!(traces(t, &id).await.len() >= 6);
    id
}

async fn relay(t: &Test) {
    t.advance_seconds(1);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
}

#[tokio::test]
async fn it_is_gone_at_once_and_its_files_without_any_schedule() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = document(&t, &ada).await;
    ada.delete(&format!("/api/v1/documents/{id}")).await.expect(204);
    ada.get(&format!("/api/v1/documents/{id}"))
        .await
        .problem(404, "not_found");
    for bot in ada.get("/api/v1/chatbots").await.ok().json().as_array().unwrap() {
        assert_eq!(bot["documents"], json!([]));
    }
    t.drain().await;
    assert_eq!(traces(&t, &id).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_lost_message_is_made_up_for_by_the_schedule() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = document(&t, &ada).await;
    let path = format!("/api/v1/documents/{id}");
    t.without_queue("purge", ada.delete(&path)).await.expect(204);
    assert!(traces(&t, &id).await.len() > 2, "the files, and what is to be done");
    relay(&t).await;
    assert_eq!(traces(&t, &id).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_interrupted_job_continues_and_a_repeated_one_harms_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = document(&t, &ada).await;
    let purge = Purge::Document {
        org_id: OrgId(ada.org().to_owned()),
        document_id: DocumentId(id.clone()),
    };
    let before = traces(&t, &id).await;
    t.stack.app().purge(&purge).await.unwrap();
    assert_eq!(
        traces(&t, &id).await,
        before,
        "a message about a document that exists removes nothing"
    );
    let other = ada.upload("other.txt", "Something else.").await.created().text("id");
    t.drain().await;
    let kept = traces(&t, &other).await;
    let path = format!("/api/v1/documents/{id}");
    t.without_queue("purge", ada.delete(&path)).await.expect(204);
    // It dies between any two objects: what is left is still found.
    let keys: Vec<String> = t
        .object_keys()
        .await
        .into_iter()
        .filter(|key| key.contains(&id))
        .collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in &keys {
        t.s3().delete_object().bucket("parlance").key(key).send().await.unwrap();
        assert!(!traces(&t, &id).await.is_empty(), "the promise is left");
    }
    for _ in 0..3 {
        t.stack.app().purge(&purge).await.unwrap();
        assert_eq!(traces(&t, &id).await, Vec::<String>::new());
    }
    assert_eq!(traces(&t, &other).await, kept);
    assert_eq!(
        ada.get(&format!("/api/v1/documents/{other}")).await.ok().json()["status"],
        "ready"
    );
}
