//! Room for thinking beside the answer.

use model_double::{Finish, Gate, Script};
use serde_json::json;

use super::*;

/// The longest answer that the double was asked for, whatever it is called.
fn limit(model: &ModelDouble) -> u64 {
    let body = model.calls().pop().unwrap().body;
    [
        &body["max_tokens"],
        &body["max_completion_tokens"],
        &body["generationConfig"]["maxOutputTokens"],
        &body["inferenceConfig"]["maxTokens"],
    ]
    .into_iter()
    .find_map(Value::as_u64)
    .unwrap()
}

#[tokio::test]
async fn a_default_budget_leaves_room_for_thinking_and_an_own_one_is_kept() {
    let (model, _t, ada) = with_model().await;
    for (name, room) in [
        ("gpt-4o-mini", 0),
        ("claude-sonnet-4-6", 0),
        ("azure/o3", 16_384),
        (THINKER, 8_192),
        ("gemini-2.5-flash", 8_192),
        ("bedrock/us.deepseek.r1-v1:0", 8_192),
    ] {
        ada.post(CHAT, asking(name)).await.ok();
        assert_eq!(limit(&model), 4_096 + room, "{name}");
        let mut own = asking(name);
        own["max_completion_tokens"] = 700.into();
        ada.post(CHAT, own).await.ok();
        assert_eq!(limit(&model), 700, "{name}");
    }
    let session = session(&ada, THINKER).await;
    let asked = json!({"content": "How long?", "generate": true});
    ada.post(&messages(&session), asked).await.created();
    assert_eq!(limit(&model), 1_024 + 8_192);
    // The limit of a chatbot is that of its answers.
    let bot = json!({"name": "Bot", "settings": {"model": THINKER, "maxTokens": 300}});
    let bot = ada.post("/api/chatbots", bot).await.created().text("id");
    ada.post(CHAT, asking(&format!("chatbot/{bot}"))).await.ok();
    assert_eq!(limit(&model), 300 + 8_192);
}

#[tokio::test]
async fn what_is_sent_is_what_is_reserved() {
    let (model, _t, ada) = with_model().await;
    let gate = Gate::default();
    model.next(Script::text("Two.").thinking(&["Hm."]).paced(&gate));
    gate.open(1);
    let stream = ada.stream(CHAT, asking(THINKER)).await;
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(limits["limits"][0]["reserved"], 7 + limit(&model));
    gate.open(1);
    stream.rest().await;
}

#[tokio::test]
async fn a_day_that_leaves_less_room_than_thinking_takes_is_used_as_far_as_it_goes() {
    let (model, t, _) = with_model().await;
    // 10,000 a day.
    let eve = t.user("eve").await;
    eve.post(CHAT, asking("azure/o3")).await.ok();
    assert_eq!(limit(&model), 10_000 - 7);
}

#[tokio::test]
async fn a_budget_that_thinking_eats_up_is_told_as_length() {
    let (model, _t, ada) = with_model().await;
    // The double ends an answer at its limit; some servers call that an end like any other.
    for finish in [Finish::Stop, Finish::Length] {
        let mut asked = asking(THINKER);
        asked["max_tokens"] = 3.into();
        let script = Script::text("Two.").thinking(&["a ", "b ", "c ", "d "]).ending(finish);
        model.next(script);
        let whole = ada.post(CHAT, asked).await.ok().json();
        let choice = &whole["choices"][0];
        assert_eq!(choice["finish_reason"], "length");
        let said = choice["message"]["content"].as_str().unwrap();
        assert!(said.contains("on thinking, before it wrote a word"), "{said}");
        assert_eq!(choice["message"]["reasoning_content"], "a b c ");
    }
    let mut asked = asking(THINKER);
    asked["max_tokens"] = 2.into();
    let counts = model_double::Counts {
        prompt: 5,
        completion: 2,
        reasoning: 2,
        ..Default::default()
    };
    model.next(Script::text("").thinking(&["a ", "b "]).usage(counts));
    let (_, text, last) = streamed(&ada, asked).await;
    assert!(text.contains("on thinking"), "{text}");
    assert_eq!(last["usage"]["completion_tokens"], 2);
}
