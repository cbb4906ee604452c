//! What is asked of a provider: parameters that its model takes, and conversations that take turns.

use model_double::Script;
use serde_json::{Value, json};

use super::Scene;

fn last(scene: &Scene) -> Value {
    scene.double.calls().pop().unwrap().body
}

#[tokio::test]
async fn parameters_follow_the_model_and_the_clients_own_limit_passes() {
    let scene = Scene::new().await;
    for (model, is_reasoning) in [
        ("gpt-5-mini", true),
        ("o3-2025-04-16", true),
        ("azure/o4-mini", true),
        ("azure/prod-gpt-5-eu", true),
        ("compatible/openai/gpt-5.1", true),
        ("gpt-4o", false),
        ("azure/my-gpt", false),
        ("compatible/llama3.3", false),
    ] {
        for limit in ["max_tokens", "max_completion_tokens"] {
            let mut asked = json!({"model": model, "messages": [{"role": "user", "content": "Hello?"}], "temperature": 0.5,
                "top_p": 0.5, "presence_penalty": 1});
            asked[limit] = json!(777);
            scene.ada.post("/v1/chat/completions", asked).await.ok();
            let sent = last(&scene);
            let (expected, other) = if is_reasoning {
                ("max_completion_tokens", "max_tokens")
            } else {
                ("max_tokens", "max_completion_tokens")
            };
            assert_eq!(
                (&sent[expected], sent.get(other)),
                (&json!(777), None),
                "{model}: {sent}"
            );
            assert_eq!(sent.get("temperature").is_none(), is_reasoning, "{model}: {sent}");
            assert!(
                sent.get("top_p").is_none() && sent.get("presence_penalty").is_none(),
                "{model}: {sent}"
            );
        }
    }
}

/// Roles and texts of what a provider was sent, in the words of all of them.
fn turns(body: &Value) -> Vec<(String, String)> {
    let messages = body["messages"]
        .as_array()
        .or_else(|| body["contents"].as_array())
        .unwrap();
    let text = |message: &Value| {
        let parts = [
            &message["content"],
            &message["content"][0]["text"],
            &message["parts"][0]["text"],
        ];
        parts.iter().find_map(|part| part.as_str()).unwrap().to_owned()
    };
    let role = |message: &Value| message["role"].as_str().unwrap().replace("model", "assistant");
    messages
        .iter()
        .filter(|message| message["role"] != "system")
        .map(|message| (role(message), text(message)))
        .collect()
}

#[tokio::test]
async fn conversations_take_turns_whatever_clients_send() {
    let scene = Scene::new().await;
    let said = |role: &str, content: &str| json!({"role": role, "content": content});
    for (messages, expected) in [
        (vec![said("user", "a"), said("user", "b")], vec!["a\n\nb"]),
        (
            vec![said("user", "a"), said("assistant", ""), said("user", "b")],
            vec!["a\n\nb"],
        ),
        (
            vec![said("assistant", "a"), said("user", "b")],
            vec!["(The conversation begins.)", "a", "b"],
        ),
        (
            vec![said("user", "a"), said("assistant", "b")],
            vec!["a", "b", "Go on."],
        ),
        (
            vec![said("user", "a"), said("system", "s"), said("user", "b")],
            vec!["a\n\nb"],
        ),
        (
            vec![
                said("user", "a"),
                said("assistant", "b"),
                said("assistant", "c"),
                said("user", "d"),
            ],
            vec!["a", "b\n\nc", "d"],
        ),
    ] {
        for model in super::MODELS {
            let asked = json!({"model": model, "messages": messages});
            scene.ada.post("/v1/chat/completions", asked).await.ok();
            let turns = turns(&last(&scene));
            let texts: Vec<&str> = turns.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, expected, "{model}");
            for (place, (role, _)) in turns.iter().enumerate() {
                assert_eq!(role, if place % 2 == 0 { "user" } else { "assistant" }, "{model}");
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_was_only_stored_is_told_together_with_the_one_that_is_answered() {
    let scene = Scene::new().await;
    let ada = &scene.ada;
    for model in super::MODELS {
        let new = json!({"model": model, "title": "A talk"});
        let session = ada.post("/api/v1/chat/sessions", new).await.created().text("id");
        let path = format!("/api/v1/chat/sessions/{session}/messages");
        ada.post(&path, json!({"content": "Only stored."})).await.created();
        scene.double.always(Script::text("Yes?"));
        ada.post(&path, json!({"content": "Answered.", "generate": true}))
            .await
            .created();
        assert_eq!(
            turns(&last(&scene)),
            [("user".to_owned(), "Only stored.\n\nAnswered.".to_owned())],
            "{model}"
        );
    }
}
