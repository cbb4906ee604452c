//! Whole stories on tables that fail much more often than real ones do. `make test-faults` has all tests meet faults.

use std::collections::BTreeSet;

use futures::future::join_all;
use model_double::{ModelDouble, Script, Step};
use serde_json::json;

use crate::{
    api::orgs::join,
    jobs::export_user::{download, exported},
    support::{FAULTS, Test},
};

/// One call of five meets a fault.
const RATES: (&str, &str) = (FAULTS, "throttle=10,conflict=6,lost=4,seed=11");

/// Stacks do meet faults here.
fn met(t: &Test) {
    let counts = t.stack.cloud().faults().counts();
    let faults = counts.throttled + counts.conflicts + counts.lost;
    assert!(faults * 20 > counts.calls, "{counts:?}");
}

#[tokio::test]
async fn documents_are_indexed_and_answered_from() {
    let t = Test::with(&[RATES]).await;
    let ada = t.user("ada").await;
    let mut ids = Vec::new();
    for number in 0..8 {
        let text = format!("Rule {number}. The keeper of gate {number} opens it at noon.");
        ids.push(ada.upload(&format!("{number}.txt"), text).await.created().text("id"));
    }
    t.drain().await;
    let listed = ada.get("/api/v1/documents?limit=100").await.ok().json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 8);
    assert!(
        listed.iter().all(|document| document["status"] == "ready"),
        "{listed:?}"
    );
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let session = ada.session(&ids).await;
    for number in 0..5 {
        let question = format!("When does the keeper of gate {number} open it?");
        let answer = ada.ask(&session, &question).await.ok().json();
        assert!(answer.to_string().contains(&format!("gate {number}")), "{answer}");
    }
    let messages = ada
        .get(&format!("/api/chat/sessions/{session}/messages?limit=100"))
        .await
        .ok();
    assert_eq!(messages.json().as_array().unwrap().len(), 10);
    met(&t);
}

#[tokio::test]
async fn what_models_sold_is_what_was_charged() {
    let double = ModelDouble::start().await.unwrap();
    let environment = double.environment();
    let environment = environment.iter().map(|(name, value)| (*name, value.as_str()));
    let t = Test::with(&environment.chain([RATES]).collect::<Vec<_>>()).await;
    let ada = t.user("ada").await;
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    let question = json!({"message": "What is the best?", "model": "gpt-4o-mini", "stream": false, "max_tokens": 50});
    for answer in join_all((0..8).map(|_| ada.post("/api/v1/ai/chat", question.clone()))).await {
        answer.ok();
    }
    let sold = double.totals();
    let quota = ada.get("/api/v1/users/me/quota").await.ok().json();
    assert_eq!(quota["used_today"], sold.prompt_tokens + sold.completion_tokens);
    met(&t);
}

#[tokio::test]
async fn members_come_and_go_and_the_seats_add_up() {
    let t = Test::with(&[RATES]).await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = format!("/api/v1/orgs/{}", ada.found_org("Acme").await);
    join(&t, &ada, &org, &bob, "member").await;
    let member = format!("{org}/members/{}", bob.id());
    for role in ["admin", "member", "admin"] {
        ada.patch(&member, json!({"role": role})).await.ok();
    }
    let key = ada.api_key(json!({"name": "Kiosk"})).await;
    let kiosk = t.anonymous().with_token(&key.text("key"));
    kiosk.get("/api/v1/documents").await.ok();
    let path = format!("/api/v1/apikeys/{}", key.text("id"));
    ada.delete(&path).await.expect(204);
    kiosk.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    bob.delete("/api/v1/users/me").await.ok();
    let found = ada.get(&org).await.ok().json();
    assert_eq!(found["seats"]["used"], 1, "{found}");
    met(&t);
}

#[tokio::test]
async fn a_person_is_exported_and_erased() {
    let t = Test::with(&[RATES]).await;
    let ada = t.user("ada").await;
    let document = ada.upload("lamp.txt", "The warranty of the lamp is five years.").await;
    let document = document.created().text("id");
    t.drain().await;
    let session = ada.session(&[&document]).await;
    ada.ask(&session, "How long is the warranty?").await.ok();
    let export = exported(&t, &ada).await;
    let files: BTreeSet<String> = download(&t, &export).await.into_keys().collect();
    assert!(files.iter().any(|file| file.contains("lamp.txt")), "{files:?}");
    ada.delete("/api/v1/users/me").await.ok();
    while t.drain().await.waiting > 0 {
        t.advance_seconds(901);
    }
    for table in ["identity", "app", "usage"] {
        let items = t.items(&format!("parlance-{table}")).await;
        let left = items
            .keys()
            .filter(|(pk, _)| pk.contains(ada.org()))
            .collect::<Vec<_>>();
        assert!(left.is_empty(), "{table}: {left:?}");
    }
    let left = t.object_keys().await;
    assert!(left.iter().all(|key| !key.contains(ada.org())), "{left:?}");
    met(&t);
}
