//! Keys of providers, and other secrets that an operator sets.

use model_double::{KEY, ModelDouble, Script};
use serde_json::{Value, json};

use super::secrets;
use crate::support::{Caller, Second, Test};

/// Who answers a question to a model of `OpenAI`.
async fn answerer(caller: &Caller) -> String {
    let question = json!({"message": "Hello?", "model": "gpt-4o-mini", "stream": false});
    caller.post("/api/v1/ai/chat", question).await.ok().text("provider")
}

#[tokio::test]
async fn a_new_key_of_a_provider_is_used_and_a_removed_one_forgotten_within_a_minute() {
    let model = ModelDouble::start().await.unwrap();
    model.always(Script::text("Hello."));
    let environment = model.environment();
    let without_key: Vec<_> = environment
        .iter()
        .filter(|(name, _)| *name != "OPENAI_API_KEY")
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let t = Test::with(&without_key).await;
    let ada = t.user("ada").await;
    let second = Second::on(&t).await;
    let processes = [ada.clone(), second.of(&ada)];
    let all_say = async |provider: &str| {
        for ada in &processes {
            assert_eq!(answerer(ada).await, provider);
        }
    };
    all_say("parlance").await;

    let (secrets, name) = (secrets(&t), "PROVIDER_KEYS");
    let kept = secrets.get_secret_value().secret_id(name).send().await.unwrap();
    let mut keys: Value = serde_json::from_str(kept.secret_string().unwrap()).unwrap();
    keys["OPENAI_API_KEY"] = json!(KEY);
    let put = secrets
        .put_secret_value()
        .secret_id(name)
        .secret_string(keys.to_string());
    put.send().await.unwrap();
    t.advance_seconds(60);
    all_say("openai").await;

    keys["OPENAI_API_KEY"] = json!("sk-another");
    let put = secrets
        .put_secret_value()
        .secret_id(name)
        .secret_string(keys.to_string());
    put.send().await.unwrap();
    t.advance_seconds(60);
    let before = model.calls().len();
    all_say("openai").await;
    for call in &model.calls()[before..] {
        assert_eq!(call.headers["authorization"], "Bearer sk-another");
    }

    // A slip of the operator's is told, and nothing of the secret with it.
    let put = secrets
        .put_secret_value()
        .secret_id(name)
        .secret_string("{\"OPENAI_API_KEY\": \"sk-another\"");
    put.send().await.unwrap();
    t.advance_seconds(60);
    let asked = json!({"message": "Hello?", "model": "gpt-4o-mini"});
    let problem = ada.post("/api/v1/ai/chat", asked).await.problem(503, "unavailable");
    assert!(!problem.to_string().contains("sk-"), "{problem}");

    secrets.delete_secret().secret_id(name).send().await.unwrap();
    t.advance_seconds(60);
    all_say("parlance").await;
}

#[tokio::test]
async fn a_key_of_the_internal_operations_that_was_exchanged_counts_within_a_minute() {
    let t = Test::with(&[("INTERNAL_API_KEY", "first")]).await;
    let call = |key: &str| {
        let service = t.anonymous().with_header("x-api-key", key);
        async move { service.get("/api/v1/internal/sessions/none").await.status.as_u16() }
    };
    assert_eq!((call("first").await, call("second").await), (404, 401));
    let put = secrets(&t).put_secret_value().secret_id("INTERNAL_API_KEY");
    put.secret_string("second").send().await.unwrap();
    t.advance_seconds(60);
    assert_eq!((call("first").await, call("second").await), (401, 404));
}
