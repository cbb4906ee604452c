//! <https://docs.anthropic.com/en/api/messages-streaming>

use serde_json::{Value, json};

use super::event;
use crate::{Counts, Finish};

fn named(data: &Value) -> Vec<u8> {
    event(data["type"].as_str(), data)
}

/// Cached tokens stand beside the input, not in it.
fn input(counts: Counts) -> Value {
    json!({
        "input_tokens": counts.prompt - counts.cached - counts.cache_write,
        "cache_creation_input_tokens": counts.cache_write, "cache_read_input_tokens": counts.cached,
        "output_tokens": 1, "service_tier": "standard",
    })
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Filtered => "refusal",
        Finish::Word(word) => word,
    }
}

pub(super) fn begin(model: &str, counts: Counts) -> Vec<u8> {
    let message = json!({
        "id": "msg_double", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": input(counts),
    });
    let mut bytes = named(&json!({"type": "message_start", "message": message}));
    let block = json!({"type": "text", "text": ""});
    bytes.extend(named(
        &json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ));
    bytes.extend(ping());
    bytes
}

pub(super) fn piece(text: &str, is_thought: bool) -> Vec<u8> {
    let delta = if is_thought {
        json!({"type": "thinking_delta", "thinking": text})
    } else {
        json!({"type": "text_delta", "text": text})
    };
    named(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
}

pub(super) fn ping() -> Vec<u8> {
    named(&json!({"type": "ping"}))
}

pub(super) fn error(code: &str) -> Vec<u8> {
    named(&refusal(code))
}

pub(super) fn end(finish: Finish, counts: Option<Counts>) -> Vec<u8> {
    let mut last = json!({"type": "message_delta", "delta": {"stop_reason": reason(finish), "stop_sequence": null}});
    if let Some(counts) = counts {
        last["usage"] = json!({"output_tokens": counts.completion});
    }
    let mut bytes = named(&json!({"type": "content_block_stop", "index": 0}));
    bytes.extend(named(&last));
    bytes.extend(named(&json!({"type": "message_stop"})));
    bytes
}

pub(super) fn whole(model: &str, thinking: &str, text: &str, finish: Finish, counts: Counts) -> Value {
    let mut usage = input(counts);
    usage["output_tokens"] = counts.completion.into();
    let text = json!({"type": "text", "text": text});
    let content = if thinking.is_empty() {
        json!([text])
    } else {
        json!([{"type": "thinking", "thinking": thinking, "signature": "EqoB"}, text])
    };
    json!({
        "id": "msg_double", "type": "message", "role": "assistant", "model": model,
        "content": content, "stop_reason": reason(finish), "stop_sequence": null,
        "usage": usage,
    })
}

pub(super) fn refusal(code: &str) -> Value {
    json!({"type": "error", "error": {"type": code, "message": format!("The double says {code}.")},
        "request_id": "req_double"})
}
