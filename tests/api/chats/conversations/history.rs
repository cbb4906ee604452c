//! What a model is shown of a conversation.

use model_double::Script;
use serde_json::json;

use super::{ask, messages, session, told, with_model};

#[tokio::test]
async fn a_long_history_is_cut_to_the_window_by_whole_turns_and_the_system_prompt_stays() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    // 16,385 tokens of window.
    let settings = json!({"model": "gpt-3.5-turbo", "system_prompt": "Speak like a sailor.", "max_tokens": 1000});
    let bot = json!({"name": "Bot", "settings": settings});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    let new = json!({"chatbot_id": bot, "title": "Long"});
    let session = ada.post(super::SESSIONS, new).await.created().text("id");
    model.always(Script::text("Aye."));
    let long = |n: usize| format!("{n} {}", "abcd".repeat(2500));
    for n in 0..8 {
        ask(&ada, &session, &long(n)).await;
    }
    let told = told(&model);
    let questions = told.iter().filter(|line| line.starts_with("user: ")).count();
    assert!((2..8).contains(&questions), "{questions} of 8 are told");
    assert_eq!(told.len(), 2 * questions - 1, "only whole turns are");
    assert!(told[0].starts_with("user: "), "{}", &told[0][..20]);
    assert!(told.last().unwrap().starts_with("user: 7 "), "the newest are");
    let call = model.calls().pop().unwrap();
    assert_eq!(
        call.body["messages"][0],
        json!({"role": "system", "content": "Speak like a sailor."})
    );
}

#[tokio::test]
async fn messages_that_were_only_stored_are_part_of_what_was_said() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let note = ada
        .post(&messages(&session), json!({"content": "My name is Ada."}))
        .await;
    let note = note.created().json();
    assert_eq!(note["answer"], json!(null));
    assert_eq!(model.calls().len(), 0);
    ask(&ada, &session, "What is my name?").await;
    let told = told(&model);
    let all = told.join("\n");
    assert!(
        all.contains("My name is Ada.") && all.ends_with("What is my name?"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_turn_too_large_for_an_item_is_kept_whole() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let text = "très égaré ".repeat(25_000);
    let responses: Vec<String> = vec![
        text[..180_000].to_owned(),
        "small".to_owned(),
        text[..199_000].to_owned(),
    ];
    let prompt = json!({"session_id": session, "prompt_text": "All of it", "llm_responses": responses});
    let prompt = ada.post("/api/v1/prompts", prompt).await.created().json();
    let path = format!("/api/v1/prompts/{}", prompt["prompt_id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.ok().json(), prompt);
    assert_eq!(prompt["llm_responses"], json!(responses));
    let objects = |keys: Vec<String>| keys.into_iter().filter(|key| key.contains("/c/")).count();
    assert_eq!(objects(t.object_keys().await), 1);
    // Changed, it is another object, and the old one is gone.
    let change = json!({"prompt_text": "All of it, once more"});
    let changed = ada.put(&path, change).await.ok().json();
    assert_eq!(changed["llm_responses"], json!(responses));
    assert_eq!(objects(t.object_keys().await), 1);
    ask(&ada, &session, "And now?").await;
    let small = json!({"prompt_text": "Less", "llm_responses": ["small"]});
    ada.put(&path, small).await.ok();
    assert_eq!(objects(t.object_keys().await), 0);
    let again = json!({"prompt_text": "Less", "llm_responses": responses});
    ada.put(&path, again).await.ok();
    ada.delete(&format!("{}/{session}", super::SESSIONS)).await.expect(204);
    assert_eq!(objects(t.object_keys().await), 0);
    drop(model);
}
