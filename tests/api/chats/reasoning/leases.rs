//! A call that takes many minutes keeps its reservation as long as it goes on, and no longer.

use model_double::{Gate, Script, Step};
use serde_json::{Value, json};

use super::*;

/// Used and reserved tokens of the day.
async fn day(caller: &Caller) -> (Value, Value) {
    let limits = caller.get("/api/v1/tokens/limits").await.ok().json();
    let limit = &limits["limits"][0];
    (limit["used"].clone(), limit["reserved"].clone())
}

/// Twelve thoughts and a word, each behind the gate.
fn long_thinking(gate: &Gate) -> Script {
    let thoughts = vec![Step::Thought("abcd".to_owned()); 12];
    let word = Step::Text("Two.".to_owned());
    Script::of([thoughts, vec![word]].concat()).paced(gate)
}

#[tokio::test]
async fn a_model_that_thinks_for_twelve_minutes_is_nobody_else_s_to_settle() {
    let (model, t, ada) = with_model().await;
    let gate = Gate::default();
    model.next(long_thinking(&gate));
    gate.open(1);
    let mut stream = ada.stream(CHAT, asking(THINKER)).await;
    stream.next().await.unwrap();
    stream.next().await.unwrap();
    let (_, reserved) = day(&ada).await;
    for _ in 0..11 {
        t.advance_seconds(65);
        gate.open(1);
        stream.next().await.unwrap();
        t.stack.idle().await;
        ada.post("/_local/run/reset_quotas", json!({})).await.ok();
        assert_eq!(day(&ada).await, (json!(0), reserved.clone()));
    }
    gate.open(1);
    let frames = stream.rest().await;
    assert_eq!(frames.last().unwrap().data, "[DONE]");
    let (used, reserved) = day(&ada).await;
    assert_eq!(reserved, 0);
    assert_eq!(used, model.totals().prompt_tokens + 13);
}

#[tokio::test]
async fn a_call_that_was_settled_by_others_meanwhile_ends() {
    let (model, t, ada) = with_model().await;
    let gate = Gate::default();
    model.next(long_thinking(&gate));
    gate.open(2);
    let mut stream = ada.stream(CHAT, asking(THINKER)).await;
    for _ in 0..3 {
        stream.next().await.unwrap();
    }
    // Its process stands still for so long that it is taken for dead.
    t.advance_seconds(5 * 60 + 1);
    ada.post("/_local/run/reset_quotas", json!({})).await.ok();
    let (used, reserved) = day(&ada).await;
    assert_eq!(reserved, 0);
    assert!(used.as_u64().unwrap() > 8_192, "all of it may have been used");
    gate.open(1);
    stream.next().await.unwrap();
    t.stack.idle().await;
    gate.open(11);
    let frames = stream.rest().await;
    assert_eq!(frames.last().unwrap().event, "error");
    assert_eq!(day(&ada).await, (used, json!(0)), "paid for once");
}
