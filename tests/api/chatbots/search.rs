//! The retrieval test of a chatbot, and what it says when its documents have no answer.

use serde_json::json;

use crate::support::Test;

const TERMS: &str = "The warranty of a grinder is two years.\n\nReturns of coffee take thirty days.";

#[tokio::test]
async fn a_search_returns_passages_with_their_scores_and_calls_no_model() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let document = ada.upload("terms.txt", TERMS).await.created().text("id");
    t.drain().await;
    let bot = ada.chatbot(&[&document]).await;
    for surface in ["/api/v1", "/api"] {
        let path = format!("{surface}/chatbots/{bot}/search");
        let found = ada
            .post(&path, json!({"query": "How long is the waranty?"}))
            .await
            .ok()
            .json();
        let first = &found["passages"][0];
        let id = if surface == "/api" {
            &first["documentId"]
        } else {
            &first["document_id"]
        };
        assert_eq!((id, &first["name"]), (&json!(document), &json!("terms.txt")));
        assert!(first["text"].as_str().unwrap().contains("two years"), "{found}");
        assert_eq!((&first["language"], &first["passage"]), (&json!("en"), &json!(0)));
        assert!(first["score"].as_f64().unwrap() > 0.0 && first["relevance"].as_f64().unwrap() <= 1.0);
        let none = ada.post(&path, json!({"query": "helicopter"})).await.ok().json();
        assert_eq!(none, json!({"passages": []}));
    }
    let used = ada.get("/api/v1/tokens/usage").await.ok().json().to_string();
    assert!(!used.contains("local"), "{used}");
}

#[tokio::test]
async fn a_search_is_refused_to_strangers_and_without_a_question() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let eve = t.user("eve").await;
    let bot = ada.chatbot(&[]).await;
    let path = format!("/api/v1/chatbots/{bot}/search");
    let asked = || json!({"query": "warranty"});
    eve.post(&path, asked()).await.problem(404, "not_found");
    t.anonymous().post(&path, asked()).await.expect(401);
    assert_eq!(ada.post(&path, asked()).await.ok().json(), json!({"passages": []}));
    for (body, pointer) in [
        (json!({}), "/query"),
        (json!({"query": ""}), "/query"),
        (json!({"query": "x".repeat(2001)}), "/query"),
        (json!({"query": "x", "limit": 0}), "/limit"),
        (json!({"query": "x", "limit": 51}), "/limit"),
    ] {
        assert_eq!(ada.post(&path, body).await.invalid(), [pointer]);
    }
}

#[tokio::test]
async fn a_question_without_an_answer_gets_the_refusal_text() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let document = ada.upload("terms.txt", TERMS).await.created().text("id");
    t.drain().await;
    let settings = json!({"refusal_text": "Please call us.", "suggested_questions": ["How long is the warranty?"]});
    let bot = json!({"name": "Helper", "documents": [document], "settings": settings});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().json();
    assert_eq!(
        bot["settings"]["suggested_questions"],
        json!(["How long is the warranty?"])
    );
    let path = format!("/api/v1/chatbots/{}", bot["id"].as_str().unwrap());
    let model = format!("chatbot/{}", bot["id"].as_str().unwrap());
    let ask = |question: &str| ada.post("/api/v1/ai/chat", json!({"model": model, "message": question}));
    assert_eq!(
        ask("What is the capital of France?").await.ok().json()["content"],
        "Please call us."
    );
    let answer = ask("How long is the warranty of a grinder?").await.ok().json();
    assert_eq!(answer["content"], "The warranty of a grinder is two years. [1]");

    // A passage that holds too little of the question is not used.
    ada.put(&path, json!({"settings": {"min_relevance": 0.9}})).await.ok();
    let question = "How long is the warranty of a helicopter?";
    assert_eq!(ask(question).await.ok().json()["content"], "Please call us.");
    let found = ada
        .post(&format!("{path}/search"), json!({"query": question}))
        .await
        .ok()
        .json();
    assert_eq!(found["passages"][0]["is_used"], false);
    for invalid in [json!({"min_relevance": 1.1}), json!({"suggested_questions": [""]})] {
        ada.put(&path, json!({"settings": invalid})).await.invalid();
    }
    let cleared = json!({"settings": {"refusal_text": "", "suggested_questions": []}});
    let cleared = ada.put(&path, cleared).await.ok().json();
    assert_eq!(
        (
            &cleared["settings"]["refusal_text"],
            &cleared["settings"]["suggested_questions"]
        ),
        (&json!(null), &json!([]))
    );
}
