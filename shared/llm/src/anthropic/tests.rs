use serde_json::json;

use super::*;
use crate::testing::{HARD, PATIENT, counted, every_split_is_the_same, http, info, outcome, read, request};
use crate::{FinishReason, ModelError, Usage};
use model_double::{Counts, ModelDouble, Script, Step};

/// Sent by `api.anthropic.com` (claude-sonnet-4-5-20250929), as recorded in public test suites of its clients, with the
/// event names of the documentation. Two of six pieces are left out.
const RECORDED: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"model":"claude-sonnet-4-5-20250929","id":"msg_01QC4g3HwBThD4BaNtBckFDJ","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard","inference_geo":"not_available"}}}"#,
    "\n\nevent: content_block_start\n",
    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    "\n\nevent: ping\n",
    r#"data: {"type": "ping"}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"! I"}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'m doing well, thank you for asking"}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":". How are you doing today?"}}"#,
    "\n\nevent: content_block_stop\n",
    r#"data: {"type":"content_block_stop","index":0}"#,
    "\n\nevent: message_delta\n",
    r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":30}}"#,
    "\n\nevent: message_stop\n",
    r#"data: {"type":"message_stop"}"#,
    "\n\n",
);

fn model_at(base_url: &str) -> Anthropic {
    let info = info(crate::Provider::Anthropic, "claude-haiku-4-5");
    Anthropic::new(info, base_url, Secret::new("sk-ant"), http(PATIENT))
        .unwrap()
        .with_limits(PATIENT)
}

fn ask() -> ChatRequest {
    ChatRequest {
        model: "claude-haiku-4-5".to_owned(),
        ..request()
    }
}

#[test]
fn every_split_of_a_recording_gives_the_same_text_and_usage() {
    let model = model_at("http://a.example");
    let whole = every_split_is_the_same(&model, RECORDED);
    let text = "Hello! I'm doing well, thank you for asking. How are you doing today?";
    assert_eq!(whole, (text.to_owned(), (FinishReason::Stop, counted(12, 30))));
    let other = every_split_is_the_same(&model, &RECORDED.replace("Hello", HARD));
    assert!(other.0.starts_with(HARD), "{other:?}");
}

#[test]
fn what_is_cached_stands_beside_the_input() {
    // The numbers of the guide on prompt caching at docs.anthropic.com, and the last event without them.
    let stream = RECORDED
        .replacen(
            r#""input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache"#,
            r#""input_tokens":50,"cache_creation_input_tokens":248,"cache_read_input_tokens":1800,"cache"#,
            1,
        )
        .replace(
            r#"{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":30}"#,
            r#"{"output_tokens":503}"#,
        );
    let (_, (_, usage)) = read(&model_at("http://a.example"), [stream.as_bytes()]);
    let expected = Usage {
        cached_tokens: 1800,
        cache_write_tokens: 248,
        ..counted(2098, 503)
    };
    assert_eq!(usage, expected);
}

#[tokio::test]
async fn a_request_is_what_the_vendor_takes() {
    let double = ModelDouble::start().await.unwrap();
    let request = ChatRequest {
        system: Some("Be kind.".to_owned()),
        messages: vec![
            Message::user("a"),
            Message::assistant(" "),
            Message::user("b"),
            Message::assistant("c"),
        ],
        temperature: Some(1.5),
        ..ask()
    };
    let answer = outcome(&model_at(&double.url()), request).await;
    assert!(answer.1.is_some(), "{answer:?}");
    let call = double.calls().remove(0);
    assert_eq!(
        (call.path.as_str(), call.headers["x-api-key"].as_str()),
        ("/v1/messages", "sk-ant")
    );
    assert_eq!(call.headers["anthropic-version"], "2023-06-01");
    assert_eq!(
        call.body,
        json!({
            "model": "claude-haiku-4-5", "max_tokens": 50, "system": "Be kind.", "stream": true, "temperature": 1.0,
            "messages": [
                {"role": "user", "content": "a\n\nb"},
                {"role": "assistant", "content": "c"},
                {"role": "user", "content": "Go on."},
            ],
        })
    );
}

#[tokio::test]
async fn thoughts_are_counted_and_not_read() {
    let double = ModelDouble::start().await.unwrap();
    let usage = Counts {
        prompt: 100,
        cached: 60,
        cache_write: 30,
        completion: 3,
        reasoning: 0,
    };
    double.next(Script::text(HARD).thinking(&["Hm.", "So."]).usage(usage));
    let (text, done, _) = outcome(&model_at(&double.url()), ask()).await;
    let expected = Usage {
        cached_tokens: 60,
        cache_write_tokens: 30,
        ..counted(100, 3)
    };
    assert_eq!((text.as_str(), done), (HARD, Some((FinishReason::Stop, expected))));

    double.next(Script::text("one two three").thinking(&["Hm."]).without_usage());
    let (_, done, _) = outcome(&model_at(&double.url()), ask()).await;
    let usage = done.unwrap().1;
    assert!(
        usage.estimated && usage.completion_tokens > 3 && usage.reasoning_tokens == 1,
        "{usage:?}"
    );
}

#[tokio::test]
async fn an_overload_is_one_before_the_answer_and_an_interruption_inside_it() {
    let double = ModelDouble::start().await.unwrap();
    let model = model_at(&double.url());
    let detail = "The double says overloaded_error.".to_owned();
    double.next(Script::refuse(529, "overloaded_error"));
    double.next(Script::of(vec![Step::Error("overloaded_error".to_owned())]));
    for _ in 0..2 {
        let (_, _, error) = outcome(&model, ask()).await;
        let (status, detail) = (529, detail.clone());
        assert_eq!(error, Some(ModelError::Refused { status, detail }));
    }
    double.next(Script::text("Hel").then(Step::Error("overloaded_error".to_owned())));
    assert_eq!(
        outcome(&model, ask()).await,
        ("Hel".to_owned(), None, Some(ModelError::Interrupted { detail }))
    );
    double.next(Script::text("Hel").cut());
    assert_eq!(
        outcome(&model, ask()).await,
        ("Hel".to_owned(), None, Some(ModelError::Cut))
    );
}

#[tokio::test]
async fn thinking_is_told_apart_and_what_is_kept_secret_is_a_sign_of_life() {
    let double = ModelDouble::start().await.unwrap();
    let raw = |data: &str| Step::Raw(format!("data: {data}\n\n").into_bytes());
    let block =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"EmwK"}}"#;
    let signature = r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqoB"}}"#;
    let script = Script::of(vec![
        Step::Thought("Hm.".to_owned()),
        raw(signature),
        raw(block),
        Step::Ping,
        Step::Text("Two".to_owned()),
    ]);
    double.next(script);
    let answer = crate::testing::spoken(&model_at(&double.url()), ask()).await;
    assert_eq!(answer, ("Hm.".to_owned(), "Two".to_owned()));
}
