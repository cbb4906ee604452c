//! Models of every vendor, behind one double that speaks as all of them do.

use model_double::{End, KEY, ModelDouble, Protocol, Script};
use serde_json::json;

use crate::support::{Caller, Test};

/// What is asked of a chatbot with this model answers, and the answer.
async fn ask(caller: &Caller, model: &str) -> serde_json::Value {
    let bot = json!({"name": "Bot", "settings": {"model": model}});
    let bot = caller.post("/api/chatbots", bot).await.created().text("id");
    let session = caller.post("/api/chat/sessions", json!({"chatbot_id": bot})).await;
    caller.ask(&session.created().text("id"), "Hello?").await.ok().json()
}

#[tokio::test]
async fn an_answer_is_the_text_of_the_vendor_and_costs_what_the_vendor_counts() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    model.next(Script::text("Grüße aus 東京 🍵."));
    let message = ask(&ada, "gpt-4o-mini").await;
    assert_eq!(message["content"], "Grüße aus 東京 🍵.");
    assert_eq!(message["model"], "gpt-4o-mini");
    let call = model.calls().remove(0);
    assert_eq!((call.protocol, call.end), (Protocol::OpenAi, Some(End::Complete)));
    assert_eq!(call.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(message["usage"]["completion_tokens"], call.counts.completion);
    assert_eq!(message["usage"]["prompt_tokens"], call.counts.prompt);
}
