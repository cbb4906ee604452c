//! Questions that lean on the conversation, rewritten by the chatbot's model before its documents are searched.

use model_double::{ModelDouble, ReceivedRequest, Script};
use serde_json::{Value, json};

use crate::support::{Caller, Test};

const MODEL: &str = "compatible/small";
const WARRANTY: &str = "The warranty of a grinder is two years.";
const REPAIRS: &str = "A kettle is repaired within three weeks of its arrival.";

/// A model that rewrites with this script, and answers anything else.
async fn scene(rewritten: impl Fn() -> Script + Send + Sync + 'static) -> (ModelDouble, Test, Caller, String) {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    model.answer_with(move |request| {
        if is_rewriting(request) {
            rewritten()
        } else {
            Script::text("It takes three weeks. [cite:1]")
        }
    });
    let ada = t.talker("ada").await;
    let mut documents = Vec::new();
    for (name, text) in [("warranty.txt", WARRANTY), ("repairs.txt", REPAIRS)] {
        documents.push(ada.upload(name, text).await.created().text("id"));
    }
    t.drain().await;
    let bot = json!({"name": "Helper", "documents": documents, "settings": {"model": MODEL, "top_k": 1}});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    (model, t, ada, bot)
}

fn is_rewriting(request: &ReceivedRequest) -> bool {
    request
        .texts
        .iter()
        .any(|text| text.contains("Rewrite its last message"))
}

fn rewritings(model: &ModelDouble) -> Vec<Value> {
    let calls = model.calls().into_iter().map(|call| call.body);
    calls
        .filter(|body| body.to_string().contains("Rewrite its last message"))
        .collect()
}

/// The second question of a conversation about grinders.
fn follow_up(bot: &str, question: &str) -> Value {
    json!({"model": format!("chatbot/{bot}"), "messages": [
        {"role": "user", "content": "How long is the warranty of a grinder?"},
        {"role": "assistant", "content": "Two years. [1] Shall I say how repairs are done?"},
        {"role": "user", "content": question},
    ]})
}

/// The document that the best passage is from.
async fn found(caller: &Caller, body: Value) -> Value {
    let answer = caller.post("/v1/chat/completions", body).await.ok().json();
    answer["choices"][0]["message"]["annotations"][0]["url_citation"]["title"].clone()
}

#[tokio::test]
async fn a_follow_up_is_searched_as_the_model_rewrites_it() {
    let (model, t, ada, bot) = scene(|| Script::text("\"When is a kettle repaired after its arrival?\"")).await;
    assert_eq!(found(&ada, follow_up(&bot, "yes please")).await, "repairs.txt");
    let [asked] = &rewritings(&model)[..] else {
        panic!("{:?}", model.calls())
    };
    let asked = asked.to_string();
    assert!(
        asked.contains("warranty of a grinder") && asked.contains("yes please"),
        "{asked}"
    );
    assert!(!asked.contains("A kettle is repaired"), "no document is in it: {asked}");
    t.drain().await;
    let charged = ada.get("/api/v1/auth/token-breakdown").await.ok().json();
    assert!(charged["categories"].to_string().contains("rewriting"), "{charged}");
}

#[tokio::test]
async fn a_question_that_stands_alone_is_not_rewritten_and_neither_is_the_first() {
    let (model, _t, ada, bot) = scene(|| Script::text("Nothing.")).await;
    found(&ada, follow_up(&bot, "Within how many weeks is a kettle repaired?")).await;
    let first = json!({"model": format!("chatbot/{bot}"), "messages": [{"role": "user", "content": "And how long does it take?"}]});
    found(&ada, first).await;
    assert_eq!(rewritings(&model), Vec::<Value>::new());
}

#[tokio::test]
async fn without_a_useful_rewriting_rules_add_what_the_question_leaves_out() {
    for script in [
        || Script::refuse(400, "invalid_request_error"),
        || Script::text(""),
        || Script::text("..."),
    ] {
        let (model, _t, ada, bot) = scene(script).await;
        let best = found(&ada, follow_up(&bot, "And how is it extended?")).await;
        assert_eq!(best, "warranty.txt");
        assert!(!rewritings(&model).is_empty());
    }
}

#[tokio::test]
async fn a_chatbot_may_do_without_rewriting() {
    let (model, _t, ada, bot) = scene(|| Script::text("Nothing.")).await;
    let path = format!("/api/v1/chatbots/{bot}");
    let changed = ada
        .put(&path, json!({"settings": {"rewrite_questions": false}}))
        .await
        .ok()
        .json();
    assert_eq!(changed["settings"]["rewrite_questions"], false);
    found(&ada, follow_up(&bot, "And how is it extended?")).await;
    assert_eq!(rewritings(&model), Vec::<Value>::new());
}
