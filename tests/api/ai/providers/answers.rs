//! Answers that are whole although their servers depart from the protocol, and answers without a word.

use model_double::{Counts, Encoding, Finish, OddUsage, Quirk, Script, Step};
use serde_json::json;

use super::{ENDPOINTS, Endpoint, MODELS, Scene};

const TEXT: &str = "Grüße 🍵 aus 東京.";

#[tokio::test]
async fn what_servers_send_beside_their_protocols_changes_no_answer_anywhere() {
    let scene = Scene::new().await;
    for quirk in [
        Quirk::ContentParts,
        Quirk::WrongTypes,
        Quirk::PlainPings,
        Quirk::NullLists,
        Quirk::MessageForDelta,
        Quirk::Whole,
        Quirk::Compressed(Encoding::Gzip),
        Quirk::Usage(OddUsage::Text),
    ] {
        for (place, model) in MODELS.iter().enumerate() {
            // Every endpoint meets every quirk, and every vendor does.
            let endpoint = ENDPOINTS[(place + quirk_number(quirk)) % ENDPOINTS.len()];
            let shown = scene.ask(endpoint, model, Script::text(TEXT).with(quirk)).await;
            let expected = (TEXT, Some("stop"), None);
            let seen = (shown.text.as_str(), shown.finish.as_deref(), shown.failure);
            assert_eq!(seen, expected, "{quirk:?} of {model} on {endpoint:?}");
        }
    }
}

fn quirk_number(quirk: Quirk) -> usize {
    format!("{quirk:?}").len()
}

#[tokio::test]
async fn tokens_that_cannot_be_are_estimated_and_said_to_be() {
    let scene = Scene::new().await;
    for (odd, is_estimated) in [
        (OddUsage::Negative, true),
        (OddUsage::Fraction, true),
        (OddUsage::Text, true),
        (OddUsage::Absurd, true),
        (OddUsage::Null, true),
        (OddUsage::OtherNames, false),
    ] {
        for model in MODELS {
            let before = scene.used().await;
            scene.double.always(Script::text(TEXT).with(Quirk::Usage(odd)));
            let asked = json!({"message": "Hello?", "model": model});
            let usage = scene.ada.post("/api/v1/ai/chat", asked).await.ok().json()["usage"].clone();
            assert_eq!(usage["estimated"], is_estimated, "{odd:?} of {model}: {usage}");
            let total = usage["total_tokens"].as_u64().unwrap();
            assert!((2..100).contains(&total), "{odd:?} of {model}: {usage}");
            assert_eq!(scene.used().await, before + total, "{odd:?} of {model}");
        }
    }
}

/// More than the request could have used would lock a person for the day.
#[tokio::test]
async fn a_provider_that_reports_too_many_tokens_is_believed_as_much_as_the_request_could_have_used() {
    let scene = Scene::new().await;
    for reported in [1_000_000_000_000_000, 5_000_000, 50_000] {
        let counts = Counts {
            prompt: reported,
            completion: reported,
            ..Counts::default()
        };
        scene.double.always(Script::text(TEXT).usage(counts));
        for model in MODELS {
            let before = scene.used().await;
            let asked = json!({"message": "Hello?", "model": model, "max_tokens": 50});
            scene.ada.post("/api/v1/ai/chat", asked).await.ok();
            let used = scene.used().await - before;
            assert!((2..100).contains(&used), "{used} for {reported} of {model}");
        }
        let before = scene.used().await;
        let asked = json!({"input": "Hello?", "model": "text-embedding-3-small"});
        let answer = scene.ada.post("/v1/embeddings", asked).await.ok().json();
        let used = scene.used().await - before;
        assert!((1..10).contains(&used), "{used} for {reported} of embeddings");
        assert_eq!(answer["usage"]["prompt_tokens"], used, "{answer}");
    }
}

/// An answer that was withheld is no failure: it says why there is nothing.
#[tokio::test]
async fn an_answer_without_a_word_says_why_at_every_endpoint() {
    let scene = Scene::new().await;
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 8}});
    let thought = |finish| Script::of(Vec::new()).thinking(&["Hm.", "Hm."]).ending(finish);
    for (model, script, reason, words) in [
        (
            "gemini",
            Script::of(vec![Step::Event(blocked), Step::End]),
            "content_filter",
            "rules on content",
        ),
        (
            "gemini",
            Script::of(Vec::new()).ending(Finish::Word("RECITATION")),
            "content_filter",
            "rules on content",
        ),
        (
            "gemini",
            Script::of(Vec::new()).ending(Finish::Word("MALFORMED_FUNCTION_CALL")),
            "other",
            "without an answer",
        ),
        ("gemini", thought(Finish::Length), "length", "thinking"),
        (
            "gpt-4o-mini",
            Script::of(Vec::new()).ending(Finish::Filtered),
            "content_filter",
            "rules on content",
        ),
        ("gpt-4o-mini", thought(Finish::Length), "length", "thinking"),
        (
            "claude-haiku",
            Script::of(Vec::new()).ending(Finish::Filtered),
            "content_filter",
            "rules on content",
        ),
        (
            "bedrock/nova-lite",
            Script::of(Vec::new()).ending(Finish::Word("guardrail_intervened")),
            "content_filter",
            "rules on content",
        ),
    ] {
        for endpoint in ENDPOINTS {
            let is_openai = matches!(endpoint, Endpoint::OpenAi | Endpoint::OpenAiStream);
            let shown = scene.ask(endpoint, model, script.clone()).await;
            let reason = if is_openai && reason == "other" {
                "content_filter"
            } else {
                reason
            };
            assert_eq!(
                (shown.finish.as_deref(), &shown.failure),
                (Some(reason), &None),
                "{model} on {endpoint:?}: {shown:?}"
            );
            assert!(
                shown.text.contains(words) && shown.text.ends_with('.'),
                "{model} on {endpoint:?}: {shown:?}"
            );
            assert_eq!(shown.refusal.is_some(), is_openai, "{model} on {endpoint:?}: {shown:?}");
            assert!(shown.refusal.is_none_or(|refusal| refusal == shown.text));
        }
    }
}

#[tokio::test]
async fn what_the_product_says_in_the_place_of_an_answer_is_not_told_to_the_model() {
    let scene = Scene::new().await;
    let ada = &scene.ada;
    let new = json!({"model": "claude-haiku", "title": "A talk"});
    let session = ada.post("/api/v1/chat/sessions", new).await.created().text("id");
    let path = format!("/api/v1/chat/sessions/{session}/messages");
    scene.double.always(Script::of(Vec::new()).ending(Finish::Length));
    let first = ada
        .post(&path, json!({"content": "Think!", "generate": true}))
        .await
        .created()
        .json();
    let first = &first["answer"];
    assert_eq!(first["notice"], first["content"]);
    scene.double.always(Script::text("More."));
    let more = format!("{path}/{}/continue", first["id"].as_str().unwrap());
    let more = ada.post(&more, json!({})).await.ok().json();
    assert_eq!((&more["content"], &more["notice"]), (&json!("More."), &json!(null)));
    let told = scene.double.calls().pop().unwrap().body["messages"].clone();
    assert_eq!(told, json!([{"role": "user", "content": "Think!"}]));
}
