//! Thinking in chat sessions: shown to those who ask for it while it lasts, and kept nowhere.

use model_double::{Gate, Script};
use reqwest::Method;
use serde_json::json;

use super::*;

const TEXT: &str = "Grüße 🍵, two years.";

/// What the double was told last.
fn told(model: &ModelDouble) -> String {
    model.calls().pop().unwrap().body["messages"].to_string()
}

#[tokio::test]
async fn thinking_is_not_stored_not_sent_back_not_found_and_not_exported() {
    let (model, t, ada) = with_model().await;
    for script in [
        Script::text(TEXT).thinking(&["Secret ", "musing."]),
        Script::cut_every(5, &format!("<think>Secret musing.</think>\n\n{TEXT}")),
    ] {
        let session = session(&ada, THINKER).await;
        model.next(script);
        let asked = json!({"content": "How long?", "generate": true});
        let answered = ada.post(&messages(&session), asked.clone()).await.created().json();
        assert_eq!(answered["answer"]["content"], TEXT);
        let listed = ada.get(&messages(&session)).await.ok();
        assert!(!String::from_utf8_lossy(&listed.body).contains("musing"));
        model.next(Script::text("Yes."));
        ada.post(&messages(&session), asked).await.created();
        assert!(
            told(&model).contains("two years") && !told(&model).contains("musing"),
            "{}",
            told(&model)
        );
        for format in ["json", "markdown"] {
            let path = format!("{SESSIONS}/{session}/export?format={format}");
            let export = ada.get(&path).await.ok();
            let export = String::from_utf8_lossy(&export.body).into_owned();
            assert!(export.contains("two years") && !export.contains("musing"), "{export}");
        }
    }
    let kept = t.items("parlance-app").await;
    assert!(kept.values().all(|item| !item.contains("musing")), "{kept:?}");
}

#[tokio::test]
async fn a_title_is_made_of_what_was_said_and_not_of_what_was_thought_about_it() {
    let (model, t, ada) = with_model().await;
    let session = ada.post(SESSIONS, json!({"model": THINKER})).await.created().text("id");
    model.next(Script::text("Thirty days.").thinking(&["Secret musing."]));
    model.next(Script::cut_every(
        3,
        "<think>\nA title, hm.\n</think>\n\nReturning a grinder",
    ));
    let asked = json!({"content": "How long do I have?", "generate": true});
    ada.post(&messages(&session), asked).await.created();
    t.stack.idle().await;
    let title = ada.get(&format!("{SESSIONS}/{session}")).await.ok().text("title");
    assert_eq!(title, "Returning a grinder");
    let call = model.calls().pop().unwrap();
    assert!(!call.body.to_string().contains("musing"));
    // 32 tokens would go into the thinking.
    assert_eq!(call.body["max_tokens"], 32 + 2_048);
}

#[tokio::test]
async fn frames_of_thinking_come_if_asked_for_and_the_stream_is_resumed_exactly() {
    let (model, _t, ada) = with_model().await;
    let session = session(&ada, THINKER).await;
    let gate = Gate::default();
    model.next(Script::text(TEXT).thinking(&["Hm, ", "so."]).paced(&gate));
    let asked = json!({"content": "How long?", "include_thinking": true});
    let mut stream = ada.stream(&messages(&session), asked).await;
    let mut frames = Vec::new();
    while frames.last().is_none_or(|frame: &Frame| frame.data != "[DONE]") {
        gate.open(1);
        frames.push(stream.next().await.unwrap());
    }
    let words = TEXT.split(' ').count();
    assert_eq!(frames.len(), 2 + words + 2);
    assert_eq!(
        (said(&frames, "thinking").as_str(), said(&frames, "content").as_str()),
        ("Hm, so.", TEXT)
    );
    let (answer, seen) = frames[0].id.split_once(':').unwrap();
    assert_eq!(seen, "0", "thinking is no part of the answer");
    let path = format!("{}/{answer}/stream", messages(&session));
    let mut content = String::new();
    for frame in &frames[..frames.len() - 1] {
        content.push_str(frame.json()["content"].as_str().unwrap());
        let rest = ada.resume(&path, &frame.id).await.rest().await;
        assert_eq!(content.clone() + &said(&rest, "content"), TEXT, "behind {}", frame.id);
    }
}

#[tokio::test]
async fn who_did_not_ask_sees_no_thinking_and_who_comes_back_sees_it_again_while_it_is_written() {
    let (model, _t, ada) = with_model().await;
    let session = session(&ada, THINKER).await;
    let gate = Gate::default();
    model.next(Script::text("Two years.").thinking(&["Hm, ", "so."]).paced(&gate));
    gate.open(3);
    let plain = ada.stream(&messages(&session), json!({"content": "How long?"})).await;
    let mut plain = plain;
    let first = plain.next().await.unwrap();
    assert_eq!(first.content(), "Two");
    let (answer, _) = first.id.split_once(':').unwrap();
    let path = format!("{}/{answer}/stream?include_thinking=true", messages(&session));
    let mut again = Stream::open(ada.request(Method::GET, &path)).await;
    assert_eq!(until(&mut again, "thinking").await.json()["thinking"], "Hm, so.");
    gate.open(10);
    assert_eq!(said(&again.rest().await, "content"), "Two years.");
    assert_eq!(said(&plain.rest().await, "content"), " years.");
    // It is kept nowhere.
    let later = Stream::open(ada.request(Method::GET, &path)).await.rest().await;
    assert_eq!(
        (said(&later, "thinking").as_str(), said(&later, "content").as_str()),
        ("", "Two years.")
    );
}

#[tokio::test]
async fn the_other_surface_has_the_same_option_in_its_own_spelling() {
    let (model, _t, ada) = with_model().await;
    let bot = json!({"name": "Bot", "settings": {"model": THINKER}});
    let bot = ada.post("/api/chatbots", bot).await.created().text("id");
    let session = ada
        .post("/api/chat/sessions", json!({"chatbotId": bot, "title": "A talk"}))
        .await
        .created()
        .text("id");
    model.next(Script::text("Two [9] years.").thinking(&["Passage [1] says so."]));
    let path = format!("/api/chat/sessions/{session}/messages");
    let frames = ada
        .stream(&path, json!({"content": "How long?", "includeThinking": true}))
        .await
        .rest()
        .await;
    assert_eq!(said(&frames, "thinking"), "Passage [1] says so.");
    assert!(said(&frames, "content").starts_with("Two"));
    let asked = json!({"content": "And now?", "includeThinking": null});
    model.next(Script::text("Three.").thinking(&["Hm."]));
    let plain = ada.stream(&path, asked).await.rest().await;
    assert_eq!(
        (said(&plain, "thinking").as_str(), said(&plain, "content").as_str()),
        ("", "Three.")
    );
    let (answer, _) = plain[0].id.split_once(':').unwrap();
    let again = format!("{path}/{answer}/stream?includeThinking=true");
    let again = Stream::open(ada.request(Method::GET, &again)).await.rest().await;
    assert_eq!(said(&again, "content"), "Three.");
}

#[tokio::test]
async fn stopping_a_model_that_thinks_leaves_an_empty_answer_that_is_charged() {
    let (model, t, ada) = with_model().await;
    let session = session(&ada, THINKER).await;
    let gate = Gate::default();
    model.next(Script::text("Two.").thinking(&["abcdefgh", "ijklmnop"]).paced(&gate));
    gate.open(2);
    let asked = json!({"content": "How long?", "include_thinking": true});
    let mut stream = ada.stream(&messages(&session), asked).await;
    let mut frame = until(&mut stream, "thinking").await;
    if !frame.data.contains("ijkl") {
        frame = until(&mut stream, "thinking").await;
    }
    let (answer, _) = frame.id.split_once(':').unwrap();
    let stopped = ada
        .post(&format!("{}/{answer}/stop", messages(&session)), json!({}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&stopped["content"], &stopped["status"]),
        (&json!(""), &json!("stopped"))
    );
    t.stack.idle().await;
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    let limit = &limits["limits"][0];
    // 7 of the prompt as estimated, and 4 that were thought.
    assert_eq!((&limit["used"], &limit["reserved"]), (&json!(11), &json!(0)));
    let stats = ada.get("/api/v1/ai/usage").await.ok().json();
    assert!(stats.to_string().contains("\"completion_tokens\":4"), "{stats}");
}
