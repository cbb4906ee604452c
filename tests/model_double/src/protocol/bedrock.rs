//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>, in the binary framing of
//! <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>, which AWS's own crate writes.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::{Value, json};

use crate::{Counts, Finish};

fn message(kind: &'static str, name: &str, data: &Value) -> Vec<u8> {
    frame(kind, name, data.to_string())
}

pub(super) fn frame(kind: &'static str, name: &str, data: String) -> Vec<u8> {
    let text = |value: &str| HeaderValue::String(value.to_owned().into());
    let name_header = if kind == "event" {
        ":event-type"
    } else {
        ":exception-type"
    };
    let message = Message::new(data)
        .add_header(Header::new(name_header, text(name)))
        .add_header(Header::new(":content-type", text("application/json")))
        .add_header(Header::new(":message-type", text(kind)));
    let mut bytes = Vec::new();
    // Writing fails for headers and payloads of megabytes only; a frame that is missing fails the test that needs it.
    let _ = write_message_to(&message, &mut bytes);
    bytes
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Filtered => "content_filtered",
        Finish::Word(word) => word,
    }
}

/// Cached tokens stand beside the input, not in it.
fn usage(counts: Counts) -> Value {
    json!({
        "inputTokens": counts.prompt - counts.cached - counts.cache_write, "outputTokens": counts.completion,
        "totalTokens": counts.prompt + counts.completion,
        "cacheReadInputTokens": counts.cached, "cacheWriteInputTokens": counts.cache_write,
    })
}

pub(super) fn begin() -> Vec<u8> {
    message("event", "messageStart", &json!({"p": "abcdefgh", "role": "assistant"}))
}

pub(super) fn piece(text: &str, is_thought: bool) -> Vec<u8> {
    let delta = if is_thought {
        json!({"reasoningContent": {"text": text}})
    } else {
        json!({"text": text})
    };
    message(
        "event",
        "contentBlockDelta",
        &json!({"contentBlockIndex": 0, "delta": delta, "p": "abc"}),
    )
}

pub(super) fn error(code: &str) -> Vec<u8> {
    message("exception", code, &refusal(code))
}

pub(super) fn end(finish: Finish, counts: Option<Counts>) -> Vec<u8> {
    let mut bytes = message("event", "contentBlockStop", &json!({"contentBlockIndex": 0, "p": "ab"}));
    bytes.extend(message(
        "event",
        "messageStop",
        &json!({"p": "abcd", "stopReason": reason(finish)}),
    ));
    if let Some(counts) = counts {
        let data = json!({"metrics": {"latencyMs": 1}, "p": "a", "usage": usage(counts)});
        bytes.extend(message("event", "metadata", &data));
    }
    bytes
}

pub(super) fn whole(thinking: &str, text: &str, finish: Finish, counts: Counts) -> Value {
    let text = json!({"text": text});
    let content = if thinking.is_empty() {
        json!([text])
    } else {
        json!([{"reasoningContent": {"reasoningText": {"text": thinking, "signature": "EqoB"}}}, text])
    };
    json!({
        "output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason(finish),
        "usage": usage(counts), "metrics": {"latencyMs": 1},
    })
}

pub(super) fn refusal(code: &str) -> Value {
    json!({"message": format!("The double says {code}.")})
}
