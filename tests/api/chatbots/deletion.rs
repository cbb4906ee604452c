//! Deleting a chatbot with many passages: it is gone at once, and the job leaves nothing, whenever it is interrupted.

use std::time::Instant;

use domain::{ChatbotId, OrgId, Purge};
use serde_json::json;

use super::manifests::{copies, forget, number_of_documents};
use crate::support::{ADMIN, Caller, Test};

/// Passages of each document.
const PASSAGES: usize = 50;

/// A text of so many passages, each about a gate of its own.
fn text() -> String {
    let passage = |gate: usize| {
        let sentence = |key: usize| format!("The keeper of gate {gate} has key {key}, and opens at {key} past noon. ");
        (0..16).map(|key| sentence(key * gate % 97)).collect::<String>()
    };
    let passages: Vec<String> = (1..=PASSAGES).map(passage).collect();
    passages.join("\n\n")
}

/// The keys of the objects of an organization's chatbots.
async fn objects(t: &Test, ada: &Caller) -> Vec<String> {
    t.stack.idle().await;
    let list = t.s3().list_objects_v2().bucket("parlance");
    let listed = list.prefix(format!("t/{}/b/", ada.org())).send().await.unwrap();
    listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap().to_owned())
        .collect()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long a deletion takes is printed")]
async fn a_chatbot_of_many_passages_is_gone_at_once_and_leaves_nothing() {
    let t = Test::with(&ADMIN).await;
    let ada = t.talker("ada").await;
    let ids = copies(&t, &ada, number_of_documents(), &text()).await;
    let first = ada.get(&format!("/api/v1/documents/{}", ids[0])).await.ok().json();
    let passages = first["chunks"].as_u64().unwrap() * ids.len() as u64;
    let named: Vec<&str> = ids.iter().map(String::as_str).collect();
    for run in 0..3 {
        let bot = ada.chatbot(&named).await;
        let path = format!("/api/v1/chatbots/{bot}");
        forget(&t).await;
        let asked = json!({"query": "Who has key 5 of gate 17?"});
        ada.post(&format!("{path}/search"), asked).await.ok();
        let stored = objects(&t, &ada).await;
        assert!(stored.len() > 1, "packs and a manifest: {stored:?}");
        let begun = Instant::now();
        t.without_queue("purge", async {
            let deleting = Instant::now();
            ada.delete(&path).await.expect(204);
            println!("run {run}: DELETE of {passages} passages took {:?}", deleting.elapsed());
        })
        .await;
        ada.get(&path).await.problem(404, "not_found");
        // The job dies after some objects, and is repeated.
        let purge = Purge::Chatbot {
            org_id: OrgId(ada.org().to_owned()),
            chatbot_id: ChatbotId(bot),
        };
        for key in stored.iter().take(stored.len() / 2) {
            t.s3().delete_object().bucket("parlance").key(key).send().await.unwrap();
        }
        for _ in 0..2 {
            t.stack.app().purge(&purge).await.unwrap();
            assert_eq!(objects(&t, &ada).await, Vec::<String>::new());
        }
        println!(
            "run {run}: {} objects removed, {:?} in all",
            stored.len(),
            begun.elapsed()
        );
    }
    let items = t.items("parlance-app").await;
    let left: Vec<_> = items
        .keys()
        .filter(|(pk, sk)| sk.starts_with("B#") || pk == "PURGE")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    ada.get(&format!("/api/v1/documents/{}", ids[1])).await.ok();
}
