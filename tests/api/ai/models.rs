//! Models of every vendor, behind one double that speaks as all of them do.

use model_double::{Counts, End, Finish, KEY, ModelDouble, Protocol, Script};
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test};

/// A text whose bytes are easily cut in the wrong place.
const HARD: &str = "Grüße 🍵 aus 東京 👩‍👩‍👧‍👦.";

/// A session with a chatbot that uses this model and no documents.
async fn session(caller: &Caller, model: &str) -> String {
    let bot = json!({"name": "Bot", "settings": {"model": model, "maxTokens": 100}});
    let bot = caller.post("/api/chatbots", bot).await.created().text("id");
    let session = json!({"chatbotId": bot, "title": "Titled"});
    caller.post("/api/chat/sessions", session).await.created().text("id")
}

async fn ask(caller: &Caller, model: &str) -> Answer {
    let session = session(caller, model).await;
    caller.ask(&session, "Hello?").await
}

#[tokio::test]
async fn every_vendor_is_asked_in_its_own_protocol_and_counts_as_it_means_it() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.talker("ada").await;
    for (name, answering, protocol, header) in [
        (
            "gpt-4o-mini",
            "gpt-4o-mini",
            Protocol::OpenAi,
            ("authorization", "Bearer sk-double"),
        ),
        (
            "openai/any/thing",
            "any/thing",
            Protocol::OpenAi,
            ("authorization", "Bearer sk-double"),
        ),
        (
            "claude-haiku",
            "claude-haiku-4-5",
            Protocol::Anthropic,
            ("x-api-key", KEY),
        ),
        ("gemini", "gemini-2.5-flash", Protocol::Gemini, ("x-goog-api-key", KEY)),
        ("azure/my-gpt", "my-gpt", Protocol::OpenAi, ("api-key", KEY)),
        (
            "compatible/llama3.3:70b",
            "llama3.3:70b",
            Protocol::OpenAi,
            ("content-type", "application/json"),
        ),
        (
            "bedrock/nova-lite",
            "amazon.nova-lite-v1:0",
            Protocol::Bedrock,
            ("content-type", "application/json"),
        ),
    ] {
        let counts = Counts {
            prompt: 100,
            cached: 60,
            completion: 9,
            ..Counts::default()
        };
        model.next(Script::text(HARD).usage(counts).ending(Finish::Length));
        let message = ask(&ada, name).await.ok().json();
        assert_eq!(
            (&message["content"], &message["model"]),
            (&json!(HARD), &json!(answering)),
            "{name}"
        );
        assert_eq!(message["finishReason"], "length", "{name}");
        let usage = (&message["usage"]["promptTokens"], &message["usage"]["completionTokens"]);
        assert_eq!(usage, (&json!(100), &json!(9)), "{name}: {message}");
        let call = model.calls().pop().unwrap();
        assert_eq!((call.protocol, call.model.as_str()), (protocol, answering), "{name}");
        assert_eq!(call.end, Some(End::Complete), "{name}");
        assert_eq!(call.headers[header.0], header.1, "{name}");
        if protocol == Protocol::Bedrock {
            let signature = &call.headers["authorization"];
            assert!(signature.starts_with("AWS4-HMAC-SHA256 ") && signature.contains("/eu-central-1/bedrock/"));
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone_and_found_again() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    let session = session(&ada, "gpt-4o-mini").await;
    model.always(Script::refuse(503, "server_error"));
    let mut answers = 0;
    let problem = loop {
        let answer = ada.ask(&session, "Hello?").await;
        answers += 1;
        if answer.json()["code"] == "provider_unavailable" {
            break answer;
        }
        answer.problem(502, "provider_failed");
    };
    assert!(answers <= 6 && model.totals().calls == 5, "{answers} answers");
    assert!(problem.header("retry-after").parse::<u64>().unwrap() <= 10);
    problem.problem(503, "provider_unavailable");
    // Another model is another matter.
    model.next(Script::default());
    ask(&ada, "claude").await.ok();

    model.always(Script::default());
    ada.ask(&session, "Hello?").await.problem(503, "provider_unavailable");
    t.advance_seconds(10);
    ada.ask(&session, "Hello?").await.ok();
}

#[tokio::test]
async fn the_status_of_the_system_lists_the_providers_that_are_configured() {
    let model = ModelDouble::start().await.unwrap();
    let mut environment = model.environment();
    environment.retain(|(name, _)| !name.starts_with("GEMINI") && !name.starts_with("AZURE"));
    environment.extend(crate::support::ADMIN.map(|(name, value)| (name, value.to_owned())));
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let t = Test::with(&environment).await;
    let admin = t.admin().await;
    let status = admin.get("/api/v1/admin/system/status").await.ok().json();
    let configured: Vec<&Value> = status["models"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["configured"] == true)
        .map(|found| &found["provider"])
        .collect();
    assert_eq!(
        configured,
        ["local", "openai", "anthropic", "bedrock", "cohere", "compatible"]
    );
    // A provider without a key is answered for by the built-in model here, which is said.
    let ada = t.user("ada").await;
    let message = ask(&ada, "gemini").await.ok().json();
    assert_eq!(
        (&message["model"], &message["requestedModel"]),
        (&json!("local"), &json!("gemini"))
    );
    assert_eq!(model.totals().calls, 0);
}
