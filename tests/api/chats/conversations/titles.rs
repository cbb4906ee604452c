//! Titles that a model makes.

use model_double::{Gate, Script};
use serde_json::json;

use super::{SESSIONS, ask, messages, with_model};
use crate::support::Caller;

async fn untitled(caller: &Caller) -> String {
    let new = json!({"model": "gpt-4o-mini"});
    caller.post(SESSIONS, new).await.created().text("id")
}

async fn title(caller: &Caller, session: &str) -> String {
    caller.get(&format!("{SESSIONS}/{session}")).await.ok().text("title")
}

#[tokio::test]
async fn the_first_turn_gives_a_session_its_title_and_the_answer_does_not_wait_for_it() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = untitled(&ada).await;
    let gate = Gate::default();
    model.next(Script::text("Thirty days."));
    model.next(Script::text("\"Returning a grinder.\"").after(&gate));
    ask(&ada, &session, "How long do I have to return a grinder?").await;
    assert_eq!(title(&ada, &session).await, "How long do I have to return a grinder?");
    model.until(|calls| calls.len() == 2).await;
    let asked = model.calls()[1].body.to_string();
    assert!(
        asked.contains("return a grinder") && asked.contains("Thirty days."),
        "{asked}"
    );
    gate.open(1);
    t.stack.idle().await;
    assert_eq!(title(&ada, &session).await, "Returning a grinder");
    // Only the first turn does.
    ask(&ada, &session, "And a kettle?").await;
    t.stack.idle().await;
    assert_eq!(model.calls().len(), 3);
}

#[tokio::test]
async fn a_title_of_its_person_stays_and_so_does_the_old_one_when_the_model_fails() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = untitled(&ada).await;
    let gate = Gate::default();
    model.next(Script::text("Thirty days."));
    model.next(Script::text("Late title").after(&gate));
    ask(&ada, &session, "How long?").await;
    model.until(|calls| calls.len() == 2).await;
    ada.patch(&format!("{SESSIONS}/{session}"), json!({"title": "Mine"}))
        .await
        .ok();
    gate.open(1);
    t.stack.idle().await;
    assert_eq!(title(&ada, &session).await, "Mine");

    let session = untitled(&ada).await;
    model.next(Script::text("Thirty days."));
    model.next(Script::refuse(400, "bad"));
    ask(&ada, &session, "How long?").await;
    t.stack.idle().await;
    assert_eq!(title(&ada, &session).await, "How long?");

    // The built-in model is asked for no title.
    let local = ada.post(SESSIONS, json!({})).await.created().text("id");
    let calls = model.calls().len();
    let message = json!({"content": "Anything?", "generate": true});
    ada.post(&messages(&local), message).await.created();
    t.stack.idle().await;
    assert_eq!(
        (model.calls().len(), title(&ada, &local).await.as_str()),
        (calls, "Anything?")
    );
}
