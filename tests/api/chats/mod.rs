//! Chat sessions, answers and their citations.

pub(crate) mod conversations;
pub(crate) mod reasoning;
pub(crate) mod replays;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, Test};

/// A chat session with a chatbot over the three sample documents, all indexed.
async fn session(t: &Test, caller: &Caller) -> String {
    let mut ids = Vec::new();
    for (name, bytes) in [
        (samples::HANDBOOK, samples::handbook_pdf()),
        (samples::PRODUCT, samples::product_docx()),
        (samples::FAQ, samples::faq_txt()),
    ] {
        ids.push(caller.upload(name, bytes).await.created().text("id"));
    }
    t.drain().await;
    caller
        .session(&ids.iter().map(String::as_str).collect::<Vec<_>>())
        .await
}

/// Every number in the text is one of the sources, and the sources are the numbers used.
fn assert_backed(message: &Value) {
    let text = message["content"].as_str().unwrap();
    let used: std::collections::BTreeSet<u64> = text
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split(']').next()?.parse().ok())
        .collect();
    let sources = message["sources"].as_array().unwrap();
    let backed: std::collections::BTreeSet<u64> = sources
        .iter()
        .map(|source| source["number"].as_u64().unwrap())
        .collect();
    assert_eq!(used, backed, "{message}");
    assert_eq!(backed.len(), sources.len(), "no source twice: {message}");
}

#[tokio::test]
async fn each_question_is_answered_from_the_right_document_with_its_place() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let session = session(&t, &ada).await;
    for question in samples::questions() {
        let message = ada.ask(&session, question.text).await.ok().json();
        assert_eq!(
            (&message["role"], &message["status"]),
            (&"assistant".into(), &"complete".into())
        );
        assert_eq!(message["model"], "local");
        for words in question.answer_holds {
            assert!(
                message["content"].as_str().unwrap().contains(words),
                "{words} in {message}"
            );
        }
        let first = &message["sources"][0];
        assert_eq!(
            (&first["name"], &first["page"]),
            (&question.document.into(), &json!(question.page)),
            "{message}"
        );
        assert!(!first["excerpt"].as_str().unwrap().is_empty());
        assert_backed(&message);
    }
}

#[tokio::test]
async fn a_question_the_documents_do_not_answer_is_said_to_be_one() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let session = session(&t, &ada).await;
    let message = ada.ask(&session, "What is the capital of France?").await.ok().json();
    assert_eq!(message["sources"], json!([]), "{message}");
    assert!(!message["content"].as_str().unwrap().is_empty());
    assert!(!message["content"].as_str().unwrap().contains('['), "{message}");
}

#[tokio::test]
async fn a_streamed_answer_is_the_stored_one_piece_by_piece() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let session = session(&t, &ada).await;
    let path = format!("/api/chat/sessions/{session}/messages");
    let question = json!({"content": samples::questions()[0].text, "stream": true});
    let stream = ada.post(&path, question).await.ok();
    assert_eq!(stream.header("content-type"), "text/event-stream");
    let mut frames = stream.frames();
    assert_eq!(frames.pop().as_deref(), Some("[DONE]"));
    let frames: Vec<Value> = frames
        .iter()
        .map(|frame| serde_json::from_str(frame).unwrap())
        .collect();
    let (last, pieces) = frames.split_last().unwrap();
    let text: String = pieces.iter().map(|frame| frame["content"].as_str().unwrap()).collect();
    assert_eq!(last["content"], "");
    let messages = ada.get(&path).await.ok().json();
    let stored = &messages[1];
    assert_eq!((&stored["content"], &stored["id"]), (&text.into(), &last["messageId"]));
    assert_eq!(stored["sources"], last["sources"]);
    assert_eq!(stored["usage"], last["usage"]);
    assert_backed(stored);
    let accepts = ada
        .request(Method::POST, &path)
        .header("accept", "text/event-stream")
        .json(&json!({"content": "And?"}));
    assert_eq!(ada.send(accepts).await.ok().header("content-type"), "text/event-stream");
}

#[tokio::test]
async fn documents_that_are_still_being_read_are_said_to_be_missing_from_the_answer() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let faq = ada.upload(samples::FAQ, samples::faq_txt()).await.created().text("id");
    t.drain().await;
    // Without its message in the queue this one stays pending.
    t.sqs()
        .delete_queue()
        .queue_url(t.queue_url("index_documents"))
        .send()
        .await
        .unwrap();
    let handbook = ada
        .upload(samples::HANDBOOK, samples::handbook_pdf())
        .await
        .created()
        .text("id");
    let session = ada.session(&[&faq, &handbook]).await;
    let message = ada.ask(&session, samples::questions()[2].text).await.ok().json();
    assert_eq!(message["sources"][0]["name"], samples::FAQ);
    let notice = message["notice"].as_str().unwrap();
    assert!(notice.contains("1 of 2 documents"), "{notice}");
    assert!(message["content"].as_str().unwrap().ends_with(notice));
}

#[tokio::test]
async fn a_session_shows_its_messages_in_reading_order_and_pages_back_in_time() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let session = session(&t, &ada).await;
    let path = format!("/api/chat/sessions/{session}");
    for question in samples::questions() {
        ada.ask(&session, question.text).await.ok();
    }
    let whole = ada.get(&path).await.ok().json();
    let roles: Vec<&str> = whole["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user", "assistant"]);
    assert_eq!(
        whole["title"],
        samples::questions()[0].text[..]
            .split_whitespace()
            .take(12)
            .collect::<Vec<_>>()
            .join(" ")
            + "…"
    );
    let latest = ada.get(&format!("{path}/messages?limit=4")).await.ok();
    assert_eq!(
        latest.json().as_array().unwrap()[..],
        whole["messages"].as_array().unwrap()[2..]
    );
    let older = latest.next().unwrap();
    assert_eq!(
        ada.get(&older).await.ok().json().as_array().unwrap()[..],
        whole["messages"].as_array().unwrap()[..2]
    );
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_deleted_with_their_messages() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let first = ada.session(&[]).await;
    let second = ada.session(&[]).await;
    ada.ask(&first, "Hello?").await.ok();
    let listed = ada.get("/api/chat/sessions").await.ok().json();
    assert_eq!((&listed[0]["id"], &listed[1]["id"]), (&json!(second), &json!(first)));
    ada.delete(&format!("/api/chat/sessions/{first}")).await.expect(204);
    for path in [
        format!("/api/chat/sessions/{first}"),
        format!("/api/chat/sessions/{first}/messages"),
    ] {
        ada.get(&path).await.problem(404, "not_found");
    }
    ada.ask(&first, "Still there?").await.problem(404, "not_found");
    ada.delete(&format!("/api/chat/sessions/{first}"))
        .await
        .problem(404, "not_found");
    let left = t.items("parlance-app").await;
    assert!(
        !left.values().any(|item| item.contains(&first)),
        "nothing of it is left in the table"
    );
}

#[tokio::test]
async fn a_session_is_its_owners_alone() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let session = ada.session(&[]).await;
    let path = format!("/api/chat/sessions/{session}");
    eve.get(&path).await.problem(404, "not_found");
    eve.get(&format!("{path}/messages")).await.problem(404, "not_found");
    eve.ask(&session, "Hello?").await.problem(404, "not_found");
    eve.delete(&path).await.problem(404, "not_found");
    let bot = ada.chatbot(&[]).await;
    eve.post("/api/chat/sessions", json!({"chatbotId": bot}))
        .await
        .problem(404, "not_found");
    assert_eq!(ada.get(&format!("{path}/messages")).await.ok().json(), json!([]));
}

#[tokio::test]
async fn a_repeated_message_with_one_key_is_one_turn() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let session = session(&t, &ada).await;
    let keyed = ada.with_header("idempotency-key", "message-1");
    let first = keyed.ask(&session, samples::questions()[1].text).await.ok();
    let second = keyed.ask(&session, samples::questions()[1].text).await.ok();
    assert_eq!(first.body, second.body);
    assert_eq!(second.header("idempotent-replayed"), "true");
    let messages = ada
        .get(&format!("/api/chat/sessions/{session}/messages"))
        .await
        .ok()
        .json();
    assert_eq!(messages.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let session = ada.session(&[]).await;
    assert_eq!(ada.ask(&session, "  ").await.invalid(), ["/content"]);
    assert_eq!(ada.ask(&session, &"x".repeat(32_001)).await.invalid(), ["/content"]);
    let path = format!("/api/chat/sessions/{session}/messages");
    assert_eq!(ada.post(&path, json!({})).await.invalid(), ["/content"]);
    assert_eq!(
        ada.post("/api/chat/sessions", json!({})).await.invalid(),
        ["/chatbotId"]
    );
}

#[tokio::test]
async fn a_model_without_a_key_is_answered_by_the_local_one_and_says_so() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let faq = ada.upload(samples::FAQ, samples::faq_txt()).await.created().text("id");
    t.drain().await;
    let bot = json!({"name": "Cloudy", "documents": [faq], "settings": {"model": "gpt-4o-mini"}});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    let session = ada
        .post("/api/chat/sessions", json!({"chatbotId": bot}))
        .await
        .created()
        .text("id");
    let message = ada.ask(&session, samples::questions()[2].text).await.ok().json();
    assert_eq!(
        (&message["model"], &message["requestedModel"]),
        (&"local".into(), &"gpt-4o-mini".into())
    );
}
