use serde_json::json;

use super::*;
use crate::testing::{HARD, PATIENT, counted, dialogue, every_split_is_the_same, http, info, outcome, request};
use crate::{FinishReason, ModelError, Usage};
use model_double::{Counts, Finish, ModelDouble, Script};

/// Sent by `generativelanguage.googleapis.com`: the first event is from the description of a public collection of
/// recorded calls (gemini-2.5-flash-preview-04-17), the counts of the last from a recording in a client's tests
/// (gemini-2.5-flash), where they add up to the total only with the thoughts. The line ends are original.
const RECORDED: &str = concat!(
    r#"data: {"candidates": [{"content": {"parts": [{"text": "\u003cthinking\u003eThe user wants"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 55,"candidatesTokenCount": 6,"totalTokenCount": 61,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 55}]},"modelVersion": "models/gemini-2.5-flash-preview-04-17"}"#,
    "\r\n\r\n",
    r#"data: {"candidates": [{"content": {"parts": [{"text": "Let me see.","thought": true}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 55,"candidatesTokenCount": 6,"totalTokenCount": 61},"modelVersion": "gemini-2.5-flash"}"#,
    "\r\n\r\n",
    r#"data: {"candidates": [{"content": {"parts": [{"text": " tea"}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 55,"candidatesTokenCount": 15,"totalTokenCount": 115,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 55}],"thoughtsTokenCount": 45},"modelVersion": "gemini-2.5-flash","responseId": "NyTxaYuTJ_OW_uMPgIPKgAg"}"#,
    "\r\n\r\n",
);

fn model_at(base_url: &str) -> Gemini {
    let info = info(crate::Provider::Gemini, "gemini-2.5-flash");
    Gemini::new(info, base_url, Secret::new("g-key"), http(PATIENT))
        .unwrap()
        .with_limits(PATIENT)
}

#[test]
fn every_split_of_a_recording_gives_the_same_text_and_usage() {
    let model = model_at("http://a.example");
    let expected = Usage {
        reasoning_tokens: 45,
        ..counted(55, 60)
    };
    // This model was asked to write its thinking into a tag.
    let recorded = RECORDED.replace(r"\u003cthinking\u003e", "");
    let whole = every_split_is_the_same(&model, &recorded);
    assert_eq!(every_split_is_the_same(&model, RECORDED).0, "");
    assert_eq!(whole, ("The user wants tea".to_owned(), (FinishReason::Stop, expected)));
    assert_eq!(expected.total(), 115, "as the vendor adds up");
    let other = every_split_is_the_same(&model, &recorded.replace(" tea", HARD));
    assert!(other.0.ends_with(HARD), "{other:?}");
}

#[tokio::test]
async fn a_request_is_what_the_vendor_takes() {
    let double = ModelDouble::start().await.unwrap();
    let counts = Counts {
        prompt: 9,
        cached: 4,
        completion: 7,
        reasoning: 5,
        ..Counts::default()
    };
    double.next(Script::text(HARD).usage(counts).ending(Finish::Length));
    let answer = outcome(&model_at(&format!("{}/v1beta", double.url())), dialogue()).await;
    let usage = Usage {
        cached_tokens: 4,
        reasoning_tokens: 5,
        ..counted(9, 7)
    };
    assert_eq!(answer, (HARD.to_owned(), Some((FinishReason::Length, usage)), None));
    let call = double.calls().remove(0);
    assert_eq!(
        call.path,
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    );
    assert_eq!(call.headers["x-goog-api-key"], "g-key");
    assert_eq!(
        call.body,
        json!({
            "systemInstruction": {"parts": [{"text": "Be kind."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [{"text": "b"}]},
                {"role": "user", "parts": [{"text": "c"}]},
            ],
            "generationConfig": {"maxOutputTokens": 50, "temperature": 1.5},
        })
    );
}

#[tokio::test]
async fn a_response_that_ends_without_a_reason_is_cut() {
    let double = ModelDouble::start().await.unwrap();
    let model = model_at(&double.url());
    double.next(Script::text("Hel").cut());
    assert_eq!(
        outcome(&model, request()).await,
        ("Hel".to_owned(), None, Some(ModelError::Cut))
    );
}

#[test]
fn a_prompt_that_is_blocked_ends_as_filtered() {
    let blocked = r#"data: {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},"usageMetadata": {"promptTokenCount": 8,"totalTokenCount": 8},"modelVersion": "gemini-2.5-flash"}"#;
    let stream = format!("{blocked}\r\n\r\n");
    let read = crate::testing::read(&model_at("http://a.example"), [stream.as_bytes()]);
    assert_eq!(read, (String::new(), (FinishReason::ContentFilter, counted(8, 0))));
}

#[tokio::test]
async fn thoughts_are_asked_for_and_told_apart() {
    let double = ModelDouble::start().await.unwrap();
    let model = |name: &'static str| {
        let url = format!("{}/v1beta", double.url());
        Gemini::new(
            info(crate::Provider::Gemini, name),
            &url,
            Secret::new("key"),
            http(PATIENT),
        )
        .unwrap()
    };
    for (name, effort, config) in [
        ("gemini-2.5-flash", None, json!({"includeThoughts": true})),
        (
            "gemini-2.5-flash",
            Some(ReasoningEffort::High),
            json!({"includeThoughts": true, "thinkingBudget": 3_000}),
        ),
        (
            "gemini-2.5-pro",
            Some(ReasoningEffort::None),
            json!({"includeThoughts": false, "thinkingBudget": 128}),
        ),
        (
            "gemini-3.1-pro-preview",
            Some(ReasoningEffort::Low),
            json!({"includeThoughts": true, "thinkingLevel": "low"}),
        ),
        ("gemini-2.5-flash-lite", None, json!(null)),
        ("gemma-3", Some(ReasoningEffort::High), json!(null)),
    ] {
        double.next(Script::text("Two").thinking(&["Hm."]));
        let request = ChatRequest {
            model: name.to_owned(),
            reasoning_effort: effort,
            max_tokens: 4_000,
            ..dialogue()
        };
        let answer = crate::testing::spoken(&model(name), request).await;
        assert_eq!(answer, ("Hm.".to_owned(), "Two".to_owned()));
        let call = double.calls().pop().unwrap();
        assert_eq!(call.body["generationConfig"]["thinkingConfig"], config, "{name}");
    }
}
