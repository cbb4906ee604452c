//! Passages in the order of a reranking model, before the best ones are given to the model that answers.

use model_double::{Gate, ModelDouble, Script};
use serde_json::{Value, json};

use crate::support::{Caller, Test};

/// A search prefers the first one, which is short and repeats the rare words; the double the second, which has all words.
const SHORT: &str = "Lamp warranty: the lamp warranty.";
const LONG: &str = "What it is for that the warranty of a lamp is there is told by the seller, as long as the seller of a lamp is \
    there, and by whoever asks the seller for a letter, a call or a visit about it.";
const QUESTION: &str = "What is it that the warranty of a lamp is for?";

async fn scene() -> (ModelDouble, Test, Caller, Vec<String>) {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    let mut documents = Vec::new();
    for (name, text) in [("short.txt", SHORT), ("long.txt", LONG)] {
        documents.push(ada.upload(name, text).await.created().text("id"));
    }
    t.drain().await;
    (model, t, ada, documents)
}

async fn chatbot(caller: &Caller, documents: &[String], rerank_model: Value) -> String {
    let settings = json!({"rerank_model": rerank_model, "top_k": 1});
    let bot = json!({"name": "Helper", "documents": documents, "settings": settings});
    caller.post("/api/v1/chatbots", bot).await.created().text("id")
}

async fn best(caller: &Caller, bot: &str) -> String {
    let path = format!("/api/v1/chatbots/{bot}/search");
    let query = json!({"query": QUESTION});
    let found = caller.post(&path, query).await.ok().json();
    assert_eq!(found["passages"].as_array().unwrap().len(), 1);
    found["passages"][0]["name"].as_str().unwrap().to_owned()
}

fn reranking_calls(model: &ModelDouble) -> usize {
    model
        .calls()
        .iter()
        .filter(|call| call.body["query"].is_string())
        .count()
}

#[tokio::test]
async fn each_provider_orders_passages_and_is_charged() {
    let (model, _t, ada, documents) = scene().await;
    for (number, name) in ["cohere/rerank-v3.5", "cohere.rerank-v3-5:0", "amazon.rerank-v1:0"]
        .into_iter()
        .enumerate()
    {
        let bot = chatbot(&ada, &documents, json!(name)).await;
        assert_eq!(best(&ada, &bot).await, "long.txt", "{name}");
        assert_eq!(reranking_calls(&model), number + 1);
        let sent = model.calls().pop().unwrap().body["documents"].clone();
        assert_eq!(sent.as_array().unwrap().len(), 2, "{sent}");
    }
    let breakdown = ada.get("/api/v1/auth/token-breakdown").await.ok().json();
    let own = breakdown["categories"].as_array().unwrap().clone();
    let own = own.iter().find(|category| category["name"] == "retrieval").unwrap();
    assert!(own["prompt_tokens"].as_u64().unwrap() > 100, "{own}");
    // Two searches of 0.2 cents and one of 0.1.
    assert_eq!(own["cost_micro_usd"], 5_000, "{own}");
}

#[tokio::test]
async fn an_answer_is_given_the_passages_that_the_model_prefers() {
    let (model, _t, ada, documents) = scene().await;
    let bot = chatbot(&ada, &documents, json!("cohere/rerank-v3.5")).await;
    let path = format!("/api/v1/chatbots/{bot}");
    ada.put(&path, json!({"settings": {"model": "compatible/small"}}))
        .await
        .ok();
    model.answer_with(|_| Script::text("It is there for the buyer. [cite:1]"));
    let asked = json!({"model": format!("chatbot/{bot}"), "message": QUESTION});
    let answer = ada.post("/api/v1/ai/chat", asked).await.ok().json();
    assert_eq!(answer["sources"][0]["name"], "long.txt", "{answer}");
    assert_eq!(reranking_calls(&model), 1);
}

#[tokio::test]
async fn a_model_that_fails_or_is_slow_changes_nothing_and_a_failure_costs_nothing() {
    let (model, _t, ada, documents) = scene().await;
    let plain = chatbot(&ada, &documents, json!("")).await;
    let order = best(&ada, &plain).await;
    assert_eq!(order, "short.txt");
    assert_eq!(reranking_calls(&model), 0);
    let bot = chatbot(&ada, &documents, json!("cohere/rerank-v3.5")).await;
    for script in [
        Script::refuse(500, "server_error"),
        Script::refuse(429, "rate_limited"),
        Script::refuse_with(
            200,
            "application/json",
            r#"{"results":[{"index":7,"relevance_score":1}]}"#,
        ),
    ] {
        model.next(script);
        assert_eq!(best(&ada, &bot).await, order);
    }
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(
        (&limits["limits"][0]["used"], &limits["limits"][0]["reserved"]),
        (&json!(0), &json!(0))
    );
    // It would never answer.
    let gate = Gate::default();
    model.next(Script::default().after(&gate));
    assert_eq!(best(&ada, &bot).await, order);
    gate.open(1);
    let unset = chatbot(&ada, &documents, Value::Null).await;
    assert_eq!(best(&ada, &unset).await, order);
}

#[tokio::test]
async fn only_a_model_that_reranks_can_be_chosen() {
    let (_model, _t, ada, documents) = scene().await;
    let bot = chatbot(&ada, &documents, json!("cohere/rerank-v3.5")).await;
    let path = format!("/api/v1/chatbots/{bot}");
    for name in ["gpt-4o", "local", "cohere/embed-v4.0"] {
        ada.put(&path, json!({"settings": {"rerank_model": name}}))
            .await
            .expect(422);
    }
    let shown = ada.get(&path).await.ok().json();
    assert_eq!(shown["settings"]["rerank_model"], "cohere/rerank-v3.5");
    let shown = ada
        .put(&path, json!({"settings": {"rerank_model": ""}}))
        .await
        .ok()
        .json();
    assert_eq!(shown["settings"]["rerank_model"], Value::Null);
}
