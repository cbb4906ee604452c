//! A failure is never told as a whole answer, and what was not answered is not paid for.

use model_double::{Quirk, Script, Step};
use serde_json::{Value, json};

use super::{ENDPOINTS, Endpoint, MODELS, Scene};

/// Failures as servers put them into a stream that began with 200.
fn failures() -> Vec<Value> {
    vec![
        json!({"object": "error", "message": "Something broke at 10.0.0.7", "type": "internal", "code": null}),
        json!({"error": "Something broke at 10.0.0.7"}),
        json!({"error_code": 336_003, "error_msg": "Something broke at 10.0.0.7"}),
        json!({"detail": "Something broke at 10.0.0.7"}),
        json!({"message": "Something broke at 10.0.0.7", "type": "error"}),
        json!("error: something broke at 10.0.0.7"),
    ]
}

fn is_stream(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::AiStream | Endpoint::SessionStream | Endpoint::OpenAiStream
    )
}

#[tokio::test]
async fn a_failure_inside_of_a_stream_is_told_and_costs_nothing_before_the_first_words() {
    for model in MODELS {
        let scene = Scene::new().await;
        for (failure, endpoint) in failures().into_iter().zip(ENDPOINTS) {
            let shown = scene
                .ask(endpoint, model, Script::of(vec![Step::Event(failure.clone())]))
                .await;
            let (status, code) = shown
                .failure
                .unwrap_or_else(|| panic!("{failure} of {model} is an answer"));
            // After five failures in a row nobody is sent there.
            assert!(
                ["provider_failed", "provider_unavailable"].contains(&code.as_str()),
                "{failure} of {model}: {code}"
            );
            assert!(status >= 502, "{failure} of {model} on {endpoint:?}: {status}");
            assert_eq!((shown.text.as_str(), shown.finish), ("", None), "{failure} of {model}");
            assert!(!shown.detail.contains("10.0.0.7"), "{}", shown.detail);
        }
        assert_eq!(scene.used().await, 0, "{model}");
    }
}

#[tokio::test]
async fn a_failure_behind_the_first_words_breaks_the_answer_off() {
    for model in MODELS {
        let scene = Scene::new().await;
        for (failure, endpoint) in
            failures()
                .into_iter()
                .take(4)
                .zip([ENDPOINTS[1], ENDPOINTS[2], ENDPOINTS[4], ENDPOINTS[5]])
        {
            let script = Script::text("Half an answer").then(Step::Event(failure.clone()));
            let shown = scene.ask(endpoint, model, script).await;
            let (status, code) = shown
                .failure
                .unwrap_or_else(|| panic!("{failure} of {model} is an answer"));
            assert_eq!(code, "provider_failed", "{failure} of {model}");
            assert_eq!(
                status,
                if is_stream(endpoint) { 200 } else { 502 },
                "{failure} of {model}"
            );
            assert_eq!(shown.finish, None, "{failure} of {model}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_ends_without_saying_why_is_cut() {
    for model in MODELS {
        let scene = Scene::new().await;
        for endpoint in [
            Endpoint::Ai,
            Endpoint::AiStream,
            Endpoint::Session,
            Endpoint::OpenAiStream,
        ] {
            let shown = scene
                .ask(endpoint, model, Script::text("Half an answer").with(Quirk::BlankFinish))
                .await;
            let status = if is_stream(endpoint) { 200 } else { 502 };
            assert_eq!(
                shown.failure,
                Some((status, "provider_answer_cut".to_owned())),
                "{model} on {endpoint:?}"
            );
            assert_eq!(shown.finish, None);
        }
    }
}

#[tokio::test]
async fn an_answer_of_nothing_is_a_failure_that_costs_nothing_and_shuts_no_provider() {
    for model in MODELS {
        let scene = Scene::new().await;
        for (endpoint, script) in ENDPOINTS.into_iter().zip([
            Script::of(Vec::new()),
            Script::of(Vec::new()).with(Quirk::Whole),
            Script::of(vec![Step::Text("\n".to_owned())]),
            Script::of(vec![Step::End]),
            Script::text(" "),
            Script::of(Vec::new()),
        ]) {
            let shown = scene.ask(endpoint, model, script).await;
            let (status, code) = shown.failure.unwrap();
            assert_eq!(code, "provider_answer_empty", "{model} on {endpoint:?}");
            assert_eq!(status, 502, "{model} on {endpoint:?}");
        }
        assert_eq!(scene.used().await, 0, "{model}");
        let shown = scene.ask(Endpoint::Ai, model, Script::text("Back.")).await;
        assert_eq!(shown.text, "Back.", "{model}");
    }
}

#[tokio::test]
async fn an_answer_of_nothing_is_asked_for_again_and_then_of_another_model() {
    let scene = Scene::new().await;
    let ada = &scene.ada;
    scene.double.always(Script::text("Here it is."));
    scene.double.next(Script::of(Vec::new()));
    let asked = json!({"message": "Hello?", "model": "gpt-4o-mini"});
    let answer = ada.post("/api/v1/ai/chat", asked.clone()).await.ok().json();
    assert_eq!(
        (&answer["content"], scene.double.totals().calls),
        (&json!("Here it is."), 2)
    );

    let org = format!("/api/v1/orgs/{}", ada.org());
    ada.patch(&org, json!({"fallback_models": ["claude-haiku"]})).await.ok();
    scene.double.answer_with(|asked| match asked.model.as_str() {
        "gpt-4o-mini" => Script::of(Vec::new()),
        _ => Script::text("From another."),
    });
    let answer = ada.post("/api/v1/ai/chat", asked).await.ok().json();
    assert_eq!(
        (&answer["content"], &answer["model"], &answer["fallback"]),
        (&json!("From another."), &json!("claude-haiku-4-5"), &json!(true))
    );
}
