use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::Message as Frame;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::*;
use crate::testing::{HARD, PATIENT, counted, dialogue, every_split, http, info, outcome, request};
use crate::{FinishReason, ModelError, Usage};
use model_double::{Counts, ModelDouble, Script, Step};

/// Sent by `bedrock-runtime.us-east-1.amazonaws.com` on 2025-01-23 (amazon.titan-text-lite-v1, `ConverseStream`), as
/// recorded in the tests of a public tracing library (opentelemetry-python-contrib, Apache-2.0).
const RECORDED: &str = "\
AAAAlAAAAFLEwW5hCzpldmVudC10eXBlBwAMbWVzc2FnZVN0YXJ0DTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvbi9qc29uDTptZXNzYWdlLXR5cGUHAAVl\
dmVudHsicCI6ImFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3Iiwicm9sZSI6ImFzc2lzdGFudCJ9P+wfRAAAAMQAAABXjLhVJQs6ZXZlbnQtdHlwZQcAEWNvbnRl\
bnRCbG9ja0RlbHRhDTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvbi9qc29uDTptZXNzYWdlLXR5cGUHAAVldmVudHsiY29udGVudEJsb2NrSW5kZXgiOjAs\
ImRlbHRhIjp7InRleHQiOiJIaSEgSG93IGNhbiBJIGhlbHAgeW91In0sInAiOiJhYmNkZWZnaGlqa2xtbm9wcXJzdHUifeBJ9mIAAACJAAAAVlvc+UsLOmV2\
ZW50LXR5cGUHABBjb250ZW50QmxvY2tTdG9wDTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvbi9qc29uDTptZXNzYWdlLXR5cGUHAAVldmVudHsiY29udGVu\
dEJsb2NrSW5kZXgiOjAsInAiOiJhYmNkZSJ95xzwrwAAAKcAAABRu0n9jQs6ZXZlbnQtdHlwZQcAC21lc3NhZ2VTdG9wDTpjb250ZW50LXR5cGUHABBhcHBs\
aWNhdGlvbi9qc29uDTptZXNzYWdlLXR5cGUHAAVldmVudHsicCI6ImFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJDREVGR0hJSiIsInN0b3BSZWFzb24i\
OiJtYXhfdG9rZW5zIn1LR3pNAAAAygAAAE5X40OECzpldmVudC10eXBlBwAIbWV0YWRhdGENOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24NOm1l\
c3NhZ2UtdHlwZQcABWV2ZW50eyJtZXRyaWNzIjp7ImxhdGVuY3lNcyI6NjA4fSwicCI6ImFiY2RlZmdoaWprIiwidXNhZ2UiOnsiaW5wdXRUb2tlbnMiOjgs\
Im91dHB1dFRva2VucyI6MTAsInRvdGFsVG9rZW5zIjoxOH19iiQr+w==";

struct NamedSigner;

impl Signer for NamedSigner {
    fn sign<'a>(&'a self, url: &'a str, _: &'a [u8]) -> BoxFuture<'a, Result<Vec<(String, String)>, domain::Error>> {
        async move { Ok(vec![("authorization".to_owned(), format!("signed {url}"))]) }.boxed()
    }
}

fn model_at(base_url: &str) -> Bedrock {
    let info = info(crate::Provider::Bedrock, "amazon.nova-lite-v1:0");
    Bedrock::new(info, base_url, Arc::new(NamedSigner), http(PATIENT))
        .unwrap()
        .with_limits(PATIENT)
}

fn recorded() -> Vec<u8> {
    BASE64_STANDARD.decode(RECORDED).unwrap()
}

/// Returns the recording with another text, its frames rewritten by AWS's own crate.
fn saying(text: &str) -> Vec<u8> {
    let mut bytes = bytes::Bytes::from(recorded());
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let frame = read_message_from(&mut bytes).unwrap();
        let payload = String::from_utf8(frame.payload().to_vec()).unwrap();
        let payload = payload.replace("Hi! How can I help you", text);
        write_message_to(&Frame::new_from_parts(frame.headers().to_vec(), payload), &mut out).unwrap();
    }
    out
}

#[test]
fn every_split_of_a_recording_gives_the_same_text_and_usage() {
    let model = model_at("http://a.example");
    let whole = every_split(&model, &recorded());
    assert_eq!(
        whole,
        (
            "Hi! How can I help you".to_owned(),
            (FinishReason::Length, counted(8, 10))
        )
    );
    assert_eq!(every_split(&model, &saying(HARD)), (HARD.to_owned(), whole.1));
}

#[test]
fn a_damaged_frame_is_refused() {
    let model = model_at("http://a.example");
    let intact = recorded();
    // After the length field: a checksum reveals the change.
    for at in 8..100 {
        let mut bytes = intact.clone();
        bytes[at] ^= 1;
        assert!(model.frames().push(&bytes).is_err(), "byte {at}");
    }
    assert!(model.frames().push(&[0xff; 16]).is_err(), "a length without end");
    assert!(model.frames().push(&[0; 16]).is_err(), "a length that is too short");
}

#[tokio::test]
async fn a_request_is_what_the_vendor_takes() {
    let double = ModelDouble::start().await.unwrap();
    let counts = Counts {
        prompt: 100,
        cached: 60,
        cache_write: 30,
        completion: 7,
        reasoning: 0,
    };
    double.next(Script::text(HARD).thinking(&["Hm."]).usage(counts));
    let answer = outcome(&model_at(&double.url()), dialogue()).await;
    let usage = Usage {
        cached_tokens: 60,
        cache_write_tokens: 30,
        ..counted(100, 7)
    };
    assert_eq!(answer, (HARD.to_owned(), Some((FinishReason::Stop, usage)), None));
    let call = double.calls().remove(0);
    let path = "/model/amazon.nova-lite-v1%3A0/converse-stream";
    assert_eq!(
        (call.model.as_str(), call.path.as_str()),
        ("amazon.nova-lite-v1:0", path)
    );
    assert_eq!(call.headers["authorization"], format!("signed {}{path}", double.url()));
    assert_eq!(
        call.body,
        json!({
            "messages": [
                {"role": "user", "content": [{"text": "a"}]},
                {"role": "assistant", "content": [{"text": "b"}]},
                {"role": "user", "content": [{"text": "c"}]},
            ],
            "system": [{"text": "Be kind."}],
            "inferenceConfig": {"maxTokens": 50, "temperature": 1.0},
        })
    );
}

#[tokio::test]
async fn exceptions_are_told_apart() {
    let double = ModelDouble::start().await.unwrap();
    let model = model_at(&double.url());
    double.next(Script::refuse(429, "ThrottlingException"));
    double.next(Script::of(vec![Step::Error("throttlingException".to_owned())]));
    for _ in 0..2 {
        let (_, _, error) = outcome(&model, request()).await;
        assert_eq!(error, Some(ModelError::RateLimited { retry_after: None }));
    }
    double.next(Script::text("Hel").then(Step::Error("modelStreamErrorException".to_owned())));
    let (text, _, error) = outcome(&model, request()).await;
    assert_eq!(text, "Hel");
    assert!(matches!(error, Some(ModelError::Interrupted { .. })), "{error:?}");
}

#[tokio::test]
async fn a_whole_answer_that_loses_only_its_count_is_estimated() {
    let double = ModelDouble::start().await.unwrap();
    double.next(Script::text("Hello there").without_usage());
    let (text, done, error) = outcome(&model_at(&double.url()), request()).await;
    assert_eq!((text.as_str(), error), ("Hello there", None));
    assert!(done.is_some_and(|(_, usage)| usage.estimated));
}

#[tokio::test]
async fn reasoning_is_told_apart() {
    let double = ModelDouble::start().await.unwrap();
    double.next(Script::text("Two").thinking(&["Hm.", " So."]));
    let answer = crate::testing::spoken(&model_at(&double.url()), dialogue()).await;
    assert_eq!(answer, ("Hm. So.".to_owned(), "Two".to_owned()));
}
