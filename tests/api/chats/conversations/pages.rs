//! Pages of messages, titles that are always there, and what is taken without a body.

use reqwest::Method;
use serde_json::{Value, json};

use super::{SESSIONS, ask, messages, says, session, with_model};
use crate::support::{Answer, Caller, Test};

/// Ids of messages in an answer that lists them.
fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|message| message["id"].as_str().unwrap().to_owned()).collect()
}

/// A session with messages that were answered, and messages that were only stored, all ids in reading order.
async fn mixed(caller: &Caller, answered: &[bool]) -> (String, Vec<String>) {
    let session = session(caller).await;
    let mut all = Vec::new();
    for (number, is_answered) in answered.iter().enumerate() {
        let message = json!({"content": format!("Message {number}"), "generate": is_answered});
        let stored = caller.post(&messages(&session), message).await.created().json();
        all.push(stored["id"].as_str().unwrap().to_owned());
        if *is_answered {
            all.push(stored["answer"]["id"].as_str().unwrap().to_owned());
        }
    }
    (session, all)
}

/// All messages behind an answer, page by page, in reading order; and how many there were on each page.
async fn walk(caller: &Caller, mut answer: Answer, list: impl Fn(&Value) -> Value) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut sizes) = (Vec::new(), Vec::new());
    let mut first = true;
    loop {
        let body = answer.json();
        let page = ids(&if first { list(&body) } else { body });
        first = false;
        sizes.push(page.len());
        all.splice(0..0, page);
        let Some(next) = answer.next() else { break };
        answer = caller.get(&next).await.ok();
    }
    (all, sizes)
}

#[tokio::test]
async fn a_limit_counts_messages_and_no_page_loses_or_doubles_one() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    says(&model, &["One.", "Two.", "Three.", "Four."]);
    let (session, all) = mixed(&ada, &[true, false, true, true, false, false, true]).await;
    assert_eq!(all.len(), 11);
    for surface in ["/api/v1", "/api"] {
        let path = format!("{surface}/chat/sessions/{session}/messages");
        for limit in 1..=12 {
            let first = ada.get(&format!("{path}?limit={limit}")).await.ok();
            let (found, sizes) = walk(&ada, first, Value::clone).await;
            assert_eq!(found, all, "{path} by {limit}");
            let (last, full) = sizes.split_last().unwrap();
            assert!(full.iter().all(|size| *size == limit), "{limit}: {sizes:?}");
            assert!((1..=limit).contains(last), "{limit}: {sizes:?}");
        }
    }
}

#[tokio::test]
async fn a_page_that_ends_between_a_question_and_its_answer_goes_on_with_the_question_whatever_happens_meanwhile() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    says(&model, &["One.", "Two.", "Uno."]);
    let (session, all) = mixed(&ada, &[true, true]).await;
    let first = ada.get(&format!("{}?limit=1", messages(&session))).await.ok();
    assert_eq!(ids(&first.json()), all[3..]);
    let next = first.next().unwrap();
    // More is said, and the question gets another answer.
    ada.post(&format!("{}/{}/regenerate", messages(&session), all[3]), json!({}))
        .await;
    let second = ada.get(&next).await.ok();
    assert_eq!(ids(&second.json()), all[2..3]);
    let third = ada.get(&second.next().unwrap()).await.ok();
    assert_eq!(ids(&third.json()), all[1..2]);
    // A cursor is of its caller and its list.
    let eve = t.talker("eve").await;
    eve.get(&next).await.problem(400, "invalid_cursor");
    let other = super::session(&ada).await;
    let elsewhere = next.replace(&session, &other);
    ada.get(&elsewhere).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_session_that_holds_only_the_latest_messages_leads_to_those_before() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let (session, all) = mixed(&ada, &[false; 53]).await;
    for path in [
        format!("/api/chat/sessions/{session}"),
        format!("/api/chat/sessions/{session}/"),
        format!("/api/v1/chat/sessions/{session}?include=messages"),
    ] {
        let answer = ada.get(&path).await.ok();
        assert_eq!(answer.json()["messages"].as_array().unwrap().len(), 50);
        let (found, sizes) = walk(&ada, answer, |session| session["messages"].clone()).await;
        assert_eq!(found, all, "{path}");
        assert_eq!(sizes, [50, 3]);
    }
    let plain = ada.get(&format!("/api/v1/chat/sessions/{session}")).await.ok();
    assert_eq!(plain.next(), None, "there is no list to go on with");
    let short = mixed(&ada, &[false; 2]).await.0;
    assert_eq!(ada.get(&format!("/api/chat/sessions/{short}")).await.ok().next(), None);
}

#[tokio::test]
async fn documents_000_and_003_have_a_title_before_the_first_message_and_the_others_have_none() {
    let t = Test::with(&[("INTERNAL_API_KEY", "a-service-key")]).await;
    let ada = t.talker("ada").await;
    let service = t.anonymous().with_header("x-api-key", "a-service-key");
    let new = ada.post(SESSIONS, json!({})).await.created().json();
    assert_eq!(new["title"], Value::Null);
    let session = new["id"].as_str().unwrap();
    let (user, internal) = (ada.id(), "/api/v1/internal");
    for (caller, path) in [
        (&ada, format!("/api/v1/chat_sessions/{session}")),
        (&ada, format!("/api/v1/chat_sessions/user/{user}")),
        (&service, format!("{internal}/sessions/{session}")),
        (&service, format!("{internal}/users/{user}/sessions")),
    ] {
        let found = caller.get(&path).await.ok().json();
        let found = found.as_array().map_or(&found, |list| &list[0]);
        assert_eq!(
            (&found["title"], &found["session_id"]),
            (&json!("New chat"), &json!(session)),
            "{path}"
        );
    }
    let untitled = json!({"user_id": user});
    let untitled = service.post(&format!("{internal}/sessions"), untitled).await.created();
    assert_eq!(untitled.text("title"), "New chat");
    assert_eq!(
        ada.get(&format!("{SESSIONS}/{session}")).await.ok().json()["title"],
        Value::Null
    );
}

#[tokio::test]
async fn a_session_is_begun_without_a_body_and_what_needs_one_says_so() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    for request in [
        ada.request(Method::POST, SESSIONS),
        ada.request(Method::POST, SESSIONS)
            .header("content-type", "application/json"),
        ada.request(Method::POST, SESSIONS)
            .header("content-type", "application/json")
            .body("{}"),
    ] {
        ada.send(request).await.created();
    }
    let needed = ada.send(ada.request(Method::POST, "/api/v1/chat_sessions")).await;
    needed.problem(400, "invalid_json");
    let patch = ada.send(ada.request(Method::PATCH, "/api/v1/orgs/x")).await;
    assert_eq!(patch.status, 404);
}

#[tokio::test]
async fn nulls_of_a_prompt_and_of_a_message_are_left_out() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    says(&model, &["One."]);
    let session = session(&ada).await;
    let prompt = json!({"session_id": session, "prompt_text": "Hello", "llm_responses": null, "user_id": null});
    let prompt = ada.post("/api/v1/prompts", prompt).await.created().json();
    assert_eq!(prompt["llm_responses"], json!([]));
    let message = json!({"content": "Hello?", "generate": true, "stream": null, "model": null});
    let answered = ada.post(&messages(&session), message).await.created().json();
    assert_eq!(answered["answer"]["content"], "One.");
    assert_eq!(ask(&ada, &session, "Hello?").await["role"], "user");
}

#[tokio::test]
async fn an_export_keeps_its_title_and_an_open_code_block_ends_with_its_message() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    says(&model, &["Sure:\n~~~~rust\nfn main() {", "Done."]);
    let new = json!({"model": "gpt-4o-mini", "title": "Öffnungszeiten 営業時間"});
    let session = ada.post(SESSIONS, new).await.created().text("id");
    ask(&ada, &session, "Why?\n```python\nprint(1)").await;
    ask(&ada, &session, "And then?").await;
    let export = ada.get(&format!("{SESSIONS}/{session}/export")).await.ok();
    assert_eq!(
        export.header("content-disposition"),
        "attachment; filename=\"-ffnungszeiten-----.md\"; \
         filename*=UTF-8''%C3%96ffnungszeiten%20%E5%96%B6%E6%A5%AD%E6%99%82%E9%96%93.md"
    );
    let text = String::from_utf8(export.body).unwrap();
    assert!(text.starts_with("# Öffnungszeiten 営業時間\n"), "{text}");
    let mut open: Option<&str> = None;
    let mut speakers = 0;
    for line in text.lines() {
        let fence = ["```", "~~~~"].into_iter().find(|fence| line.starts_with(fence));
        match (open, fence) {
            (None, Some(fence)) => open = Some(fence),
            (Some(begun), Some(fence)) if begun == fence && line == fence => open = None,
            _ => {}
        }
        if line.starts_with("**") {
            assert!(open.is_none(), "{line:?} is code in {text}");
            speakers += 1;
        }
    }
    assert_eq!(speakers, 4);
    let json = ada.get(&format!("{SESSIONS}/{session}/export?format=json")).await.ok();
    assert!(json.header("content-disposition").contains("-ffnungszeiten-----.json"));
    assert_eq!(
        json.json()["messages"][0]["content"],
        "Why?\n```python\nprint(1)",
        "as it was said"
    );
}

#[tokio::test]
async fn the_last_frame_of_an_answer_names_it_with_and_without_a_session() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    says(&model, &["One.", "Two."]);
    let session = session(&ada).await;
    let stream = "/api/v1/ai/chat/stream";
    for asked in [
        json!({"message": "Hello?", "model": "gpt-4o-mini", "stream": true}),
        json!({"message": "Hello?", "session_id": session, "stream": null}),
    ] {
        let frames = ada.stream(stream, asked).await.rest().await;
        let last = frames[frames.len() - 2].json();
        assert_eq!(last["content"], "");
        assert!(last["message_id"].as_str().is_some_and(|id| !id.is_empty()), "{last}");
        assert!(
            last["model"].is_string() && last["usage"].is_object() && last["sources"].is_array(),
            "{last}"
        );
    }
}
