//! The views of documents 000, 002, 003 and 004 on one conversation.

use serde_json::{Value, json};

use super::{ask, id, messages, says, session, shown, with_model};
use crate::support::{ADMIN, Test};

const INTERNAL: &str = "/api/v1/internal";

async fn service_stack() -> Test {
    Test::with(&[("INTERNAL_API_KEY", "a-service-key")]).await
}

fn rows(listed: &Value) -> Vec<(String, Value)> {
    let rows = listed.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["prompt_text"].as_str().unwrap().to_owned(),
            row["llm_responses"].clone(),
        )
    })
    .collect()
}

#[tokio::test]
async fn a_turn_made_in_one_view_is_seen_in_all_others() {
    let t = service_stack().await;
    let ada = t.talker("ada").await;
    let service = t.anonymous().with_header("x-api-key", "a-service-key");
    let new = json!({"title": "Shared", "user_id": ada.id()});
    let made = ada.post("/api/v1/chat_sessions", new).await.created().json();
    let session = made["session_id"].as_str().unwrap().to_owned();
    assert_eq!((&made["title"], &made["user_id"]), (&json!("Shared"), &json!(ada.id())));

    // 000
    let prompt =
        json!({"session_id": session, "user_id": ada.id(), "prompt_text": "One?", "llm_responses": ["1", "eins"]});
    let prompt = ada.post("/api/v1/prompts", prompt).await.created().json();
    // 003
    let of_service = json!({"session_id": session, "user_id": ada.id(), "prompt_text": "Two?", "llm_responses": ["2"]});
    let path = format!("{INTERNAL}/prompts");
    service.post(&path, of_service).await.created();
    // 002
    ada.post(&messages(&session), json!({"content": "Three?"}))
        .await
        .created();
    // 004, which always answers
    ada.ask(&session, "Four?").await.ok();

    let expected = [("One?", 2), ("Two?", 1), ("Three?", 0), ("Four?", 1)];
    let by_session = ada.get(&format!("/api/v1/prompts/session/{session}")).await.ok().json();
    let by_service = service
        .get(&format!("{INTERNAL}/sessions/{session}/prompts"))
        .await
        .ok()
        .json();
    assert_eq!(by_session, by_service);
    let mut listed = rows(&by_session);
    listed.reverse();
    for (row, (text, answers)) in listed.iter().zip(expected) {
        assert_eq!((row.0.as_str(), row.1.as_array().unwrap().len()), (text, answers));
    }
    assert_eq!(listed.len(), expected.len());
    assert_eq!(by_session[3], prompt);

    let v1 = ada.get(&messages(&session)).await.ok().json();
    let camel = ada.get(&format!("/api/chat/sessions/{session}")).await.ok().json();
    let contents = |messages: &Value| -> Vec<Value> {
        let messages = messages.as_array().unwrap().iter();
        messages.map(|message| message["content"].clone()).collect()
    };
    assert_eq!(contents(&v1), contents(&camel["messages"]));
    assert_eq!(contents(&v1).len(), 7, "a question without an answer is one message");
    assert_eq!(v1[1]["content"], "eins", "the last variant is shown");
    assert_eq!(v1[1]["variants"].as_array().unwrap().len(), 2);
    assert_eq!(v1[0]["id"], prompt["prompt_id"]);

    let list = format!("/api/v1/chat_sessions/user/{}", ada.id());
    for path in [
        list.as_str(),
        "/api/v1/chat_sessions/user/me",
        super::SESSIONS,
        "/api/chat/sessions",
    ] {
        assert_eq!(ada.get(path).await.ok().json()[0]["id"], session, "{path}");
    }
    let plain = ada.get(&format!("{}/{session}", super::SESSIONS)).await.ok().json();
    assert_eq!(plain.get("messages"), None);
    let with = ada
        .get(&format!("{}/{session}?include=messages", super::SESSIONS))
        .await
        .ok()
        .json();
    assert_eq!(with["messages"], v1);
}

#[tokio::test]
async fn a_prompt_is_changed_and_deleted_by_its_id_alone() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    says(&model, &["A.", "B.", "C.", "After."]);
    let one = ask(&ada, &session, "One").await;
    let two = ask(&ada, &session, "Two").await;
    ask(&ada, &session, "Three").await;
    let path = format!("/api/v1/prompts/{}", id(&two));
    let change = json!({"prompt_text": "Zwei", "llm_responses": ["B.", "Bee."]});
    let changed = ada.put(&path, change).await.ok().json();
    assert_eq!(changed["llm_responses"], json!(["B.", "Bee."]));
    assert_eq!(ada.get(&path).await.ok().json(), changed);
    let shown_now = shown(&ada, &session).await;
    assert_eq!(shown_now[2..4], ["user: Zwei", "assistant: B."]);
    // What was known of the answer whose words stayed is known still.
    let listed = ada.get(&messages(&session)).await.ok().json();
    assert_eq!(listed[3]["model"], "gpt-4o-mini");

    let deleted = ada.delete(&path).await.ok().json();
    assert_eq!(deleted, json!({"message": "Prompt deleted successfully"}));
    ada.get(&path).await.problem(404, "not_found");
    ada.delete(&path).await.problem(404, "not_found");
    ada.put(&path, json!({"prompt_text": "x"}))
        .await
        .problem(404, "not_found");
    let left = ["user: One", "assistant: A.", "user: Three", "assistant: C."];
    assert_eq!(shown(&ada, &session).await, left);
    ask(&ada, &session, "Four").await;
    assert_eq!(super::told(&model).len(), 5);
    let items = t.items("parlance-app").await;
    assert!(!items.values().any(|item| item.contains("Zwei")), "its words are gone");
    // The last one as well, and the first.
    let last = ask(&ada, &session, "Five").await;
    for turn in [last, one] {
        ada.delete(&format!("/api/v1/prompts/{}", id(&turn))).await.ok();
    }
    let left = ["user: Three", "assistant: C.", "user: Four", "assistant: After."];
    assert_eq!(shown(&ada, &session).await, left);
    ask(&ada, &session, "Six").await;
    assert_eq!(shown(&ada, &session).await.len(), 6);
}

#[tokio::test]
async fn sessions_of_document_000_are_renamed_and_deleted_with_its_messages() {
    let t = Test::with(&ADMIN).await;
    let (ada, eve, root) = (t.talker("ada").await, t.user("eve").await, t.admin().await);
    let new = json!({"title": "Mine"});
    let path = ada
        .post("/api/v1/chat_sessions", new.clone())
        .await
        .created()
        .text("session_id");
    let path = format!("/api/v1/chat_sessions/{path}");
    let renamed = ada.put(&path, json!({"title": "Ours"})).await.ok().json();
    assert_eq!(renamed["title"], "Ours");
    assert_eq!(ada.get(&path).await.ok().json(), renamed);
    let of_ada = format!("/api/v1/chat_sessions/user/{}", ada.id());
    eve.get(&of_ada).await.problem(404, "not_found");
    eve.get(&path).await.problem(404, "not_found");
    assert_eq!(root.get(&of_ada).await.ok().json(), json!([renamed]));
    let foreign = json!({"title": "For ada", "user_id": ada.id()});
    eve.post("/api/v1/chat_sessions", foreign.clone())
        .await
        .problem(403, "foreign_user_id");
    let given = root.post("/api/v1/chat_sessions", foreign).await.created().json();
    assert_eq!(given["user_id"], ada.id());
    assert_eq!(ada.get(&of_ada).await.ok().json().as_array().unwrap().len(), 2);
    assert_eq!(ada.post("/api/v1/chat_sessions", json!({})).await.invalid(), ["/title"]);
    let deleted = ada.delete(&path).await.ok().json();
    assert_eq!(deleted, json!({"message": "Chat session deleted successfully"}));
    ada.delete(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn prompts_take_nothing_that_is_not_the_callers() {
    let t = service_stack().await;
    let (ada, eve) = (t.talker("ada").await, t.user("eve").await);
    let service = t.anonymous().with_header("x-api-key", "a-service-key");
    let session = ada.session(&[]).await;
    let prompt = |user: &str| json!({"session_id": session, "user_id": user, "prompt_text": "Hello"});
    let mine = ada.post("/api/v1/prompts", prompt(ada.id())).await.created().json();
    ada.post("/api/v1/prompts", prompt(eve.id()))
        .await
        .problem(403, "foreign_user_id");
    eve.post("/api/v1/prompts", prompt(eve.id()))
        .await
        .problem(404, "not_found");
    let path = format!("/api/v1/prompts/{}", mine["prompt_id"].as_str().unwrap());
    eve.get(&path).await.problem(404, "not_found");
    eve.put(&path, json!({"prompt_text": "x"}))
        .await
        .problem(404, "not_found");
    eve.delete(&path).await.problem(404, "not_found");
    let list = format!("/api/v1/prompts/session/{session}");
    eve.get(&list).await.problem(404, "not_found");
    for odd in ["x", "00000000-0000-7000-8000-000000000000"] {
        ada.get(&format!("/api/v1/prompts/{odd}"))
            .await
            .problem(404, "not_found");
    }
    let wrong = service.post(&format!("{INTERNAL}/prompts"), prompt(eve.id())).await;
    assert_eq!(wrong.invalid(), ["/user_id"]);
    let absent = json!({"session_id": "x", "prompt_text": "Hello"});
    service
        .post(&format!("{INTERNAL}/prompts"), absent)
        .await
        .problem(404, "not_found");
    let many = json!({"session_id": session, "prompt_text": "x", "llm_responses": vec!["y"; 33]});
    assert_eq!(ada.post("/api/v1/prompts", many).await.invalid(), ["/llm_responses"]);
    assert_eq!(
        ada.put(&path, json!({"prompt_text": " "})).await.invalid(),
        ["/prompt_text"]
    );
    assert_eq!(ada.get(&path).await.ok().json(), mine);
}
