//! Titles, pins, search, export, feedback; and that all of it is its owner's alone.

use reqwest::Method;
use serde_json::{Value, json};

use super::{SESSIONS, ask, id, messages, says, session, with_model};
use crate::support::Test;

#[tokio::test]
async fn a_session_is_renamed_and_pinned_on_both_surfaces() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let first = ada.session(&[]).await;
    ada.session(&[]).await;
    let path = format!("{SESSIONS}/{first}");
    let changed = ada
        .patch(&path, json!({"title": "Mine", "pinned": true}))
        .await
        .ok()
        .json();
    assert_eq!((&changed["title"], &changed["pinned"]), (&json!("Mine"), &json!(true)));
    let pinned = ada.get("/api/chat/sessions?pinned=true").await.ok().json();
    assert_eq!(
        (pinned.as_array().unwrap().len(), &pinned[0]["sessionId"]),
        (1, &json!(first))
    );
    assert_eq!(
        ada.get(&format!("{SESSIONS}?pinned=false"))
            .await
            .ok()
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let changed = ada
        .patch(&format!("/api/chat/sessions/{first}"), json!({"pinned": false}))
        .await;
    assert_eq!(changed.ok().json()["title"], "Mine");
    assert_eq!(
        ada.patch(&path, json!({"title": "\u{202e}x"})).await.invalid(),
        ["/title"]
    );
    ada.patch(&format!("{SESSIONS}/x"), json!({"title": "x"}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_search_finds_titles_questions_and_answers_page_by_page() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let mut all = Vec::new();
    for n in 0..12 {
        let session = session(&ada).await;
        says(&model, &[if n % 3 == 0 { "The GRINDER is loud." } else { "Nothing." }]);
        let question = if n % 3 == 1 { "Is my grinder broken?" } else { "Hello" };
        ask(&ada, &session, question).await;
        if n % 3 == 2 {
            ada.patch(&format!("{SESSIONS}/{session}"), json!({"title": "About a Grinder"}))
                .await
                .ok();
        }
        all.insert(0, session);
    }
    ada.session(&[]).await;
    let mut found: Vec<Value> = Vec::new();
    let mut path = format!("{SESSIONS}?q=grinder&limit=5");
    loop {
        let page = ada.get(&path).await.ok();
        found.extend(page.json().as_array().unwrap().clone());
        match page.next() {
            Some(next) => path = next,
            None => break,
        }
    }
    let ids: Vec<String> = found.iter().map(id).collect();
    assert_eq!(ids, all);
    for (row, place) in found.iter().rev().zip(
        ["The GRINDER is loud.", "Is my grinder broken?"]
            .iter()
            .cycle()
            .enumerate(),
    ) {
        let (n, _) = place;
        match n % 3 {
            0 => assert_eq!(row["excerpt"], "The GRINDER is loud."),
            1 => assert_eq!(row["excerpt"], "Is my grinder broken?"),
            _ => assert_eq!(row.get("excerpt"), None),
        }
    }
    let eve = t.user("eve").await;
    assert_eq!(eve.get(&format!("{SESSIONS}?q=grinder")).await.ok().json(), json!([]));
    let long = format!("{SESSIONS}?q={}", "x".repeat(201));
    assert_eq!(ada.get(&long).await.invalid(), ["/q"]);
}

#[tokio::test]
async fn a_session_is_saved_as_markdown_and_as_json() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    says(&model, &["One.", "Uno.", "Two."]);
    let first = ask(&ada, &session, "A number?").await;
    let again = format!("{}/{}/regenerate", messages(&session), id(&first["answer"]));
    ada.post(&again, json!({})).await.ok();
    ask(&ada, &session, "Another?").await;
    let path = format!("{SESSIONS}/{session}/export");
    let markdown = ada.get(&path).await.ok();
    assert_eq!(markdown.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(
        markdown.header("content-disposition"),
        "attachment; filename=\"A-talk.md\""
    );
    let text = String::from_utf8(markdown.body).unwrap();
    assert!(text.starts_with("# A talk\n"), "{text}");
    let places: Vec<usize> = ["A number?", "Uno.", "Another?", "Two."]
        .iter()
        .map(|words| text.find(words).unwrap())
        .collect();
    assert!(places.is_sorted() && !text.contains("One."), "{text}");
    let json = ada.get(&format!("{path}?format=json")).await.ok();
    assert_eq!(json.header("content-type"), "application/json");
    let whole = json.json();
    assert_eq!(whole["session"]["id"], session);
    assert_eq!(whole["messages"], ada.get(&messages(&session)).await.ok().json());
    assert_eq!(
        whole["turns"][0]["answers"][0]["content"], "One.",
        "all variants are in it"
    );
    assert_eq!(ada.get(&format!("{path}?format=pdf")).await.invalid(), ["/format"]);
}

#[tokio::test]
async fn an_answer_is_rated_with_a_reason_and_not_any_more() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    says(&model, &["One."]);
    let turn = ask(&ada, &session, "A number?").await;
    let path = format!("{}/{}", messages(&session), id(&turn["answer"]));
    let rated = json!({"rating": "down", "reason": "It is two."});
    let rated = ada.put(&format!("{path}/feedback"), rated).await.ok().json();
    assert_eq!(
        (&rated["feedback"]["rating"], &rated["feedback"]["reason"]),
        (&json!("down"), &json!("It is two."))
    );
    assert_eq!(ada.get(&path).await.ok().json(), rated);
    ada.put(&format!("{path}/feedback"), json!({"rating": "up"})).await.ok();
    assert_eq!(ada.get(&path).await.ok().json()["feedback"]["rating"], "up");
    ada.delete(&format!("{path}/feedback")).await.expect(204);
    assert_eq!(ada.get(&path).await.ok().json()["feedback"], json!(null));
    assert_eq!(
        ada.put(&format!("{path}/feedback"), json!({"rating": "so so"}))
            .await
            .invalid(),
        ["/rating"]
    );
    let question = format!("{}/{}/feedback", messages(&session), id(&turn));
    ada.put(&question, json!({"rating": "up"}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn the_status_names_what_answers() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let status = ada.get("/api/v1/chat/status").await.ok().json();
    assert_eq!(status["status"], "ok");
    assert!(
        status["models"].as_array().unwrap().contains(&json!("local")),
        "{status}"
    );
}

#[tokio::test]
async fn another_members_conversation_is_not_found_whatever_is_asked_of_it() {
    let (model, t) = with_model().await;
    let (ada, bob) = (t.talker("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "member"), (&bob, "owner")]).await;
    let (ada, bob) = (
        ada.with_header("x-current-org", &org),
        bob.with_header("x-current-org", &org),
    );
    let session = session(&ada).await;
    let turn = ask(&ada, &session, "A number?").await;
    let before = t.items("parlance-app").await;
    let calls = model.calls().len();
    let mut asked = 0;
    for (_, api) in local::functions::groups() {
        for operation in api.operations() {
            let path = operation.path.as_str();
            let is_of_chats = ["/chat/", "/chat_sessions", "/prompts"]
                .iter()
                .any(|part| path.contains(part));
            if !is_of_chats || path.contains("/internal/") || !path.contains("_id}") || path.contains("{user_id}") {
                continue;
            }
            for message in [id(&turn), id(&turn["answer"])] {
                let path = path
                    .replace("{session_id}", &session)
                    .replace("{message_id}", &message)
                    .replace("{prompt_id}", &id(&turn));
                if path.contains('{') {
                    continue;
                }
                let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
                let body = json!({"content": "x", "title": "x", "prompt_text": "x", "rating": "up", "question": "x"});
                let request = bob.request(method.clone(), &path);
                let request = if [Method::GET, Method::DELETE].contains(&method) {
                    request
                } else {
                    request.json(&body)
                };
                bob.send(request).await.problem(404, "not_found");
                asked += 1;
            }
        }
    }
    assert!(asked > 50, "{asked}");
    assert_eq!(t.items("parlance-app").await, before);
    assert_eq!(model.calls().len(), calls);
}
