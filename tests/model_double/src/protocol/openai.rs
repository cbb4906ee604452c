//! <https://platform.openai.com/docs/api-reference/chat-streaming>

use serde_json::{Value, json};

use super::event;
use crate::{Counts, Finish, ThinkingStyle};

fn chunk(model: &str, choices: &Value, usage: Option<Counts>) -> Vec<u8> {
    let mut chunk = json!({
        "id": "chatcmpl-double", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": model,
        "system_fingerprint": null, "choices": choices,
    });
    if let Some(counts) = usage {
        chunk["usage"] = usage_of(counts);
    }
    event(None, &chunk)
}

fn usage_of(counts: Counts) -> Value {
    json!({
        "prompt_tokens": counts.prompt, "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
        Finish::Word(word) => word,
    }
}

pub(super) fn begin(model: &str) -> Vec<u8> {
    let delta = json!({"role": "assistant", "content": "", "refusal": null});
    chunk(
        model,
        &json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]),
        None,
    )
}

pub(super) fn piece(model: &str, text: &str, style: Option<ThinkingStyle>) -> Vec<u8> {
    let delta = match style {
        None => json!({"content": text}),
        Some(ThinkingStyle::ReasoningContent) => json!({"content": null, "reasoning_content": text}),
        Some(ThinkingStyle::Reasoning) => json!({"content": "", "reasoning": text}),
        Some(ThinkingStyle::Details) => json!({"content": "", "reasoning": text, "reasoning_details": [
            {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]}),
        Some(ThinkingStyle::Parts) => json!({"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}),
    };
    chunk(
        model,
        &json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]),
        None,
    )
}

pub(super) fn end(model: &str, finish: Finish, counts: Option<Counts>) -> Vec<u8> {
    let last = json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": reason(finish)}]);
    let mut bytes = chunk(model, &last, None);
    if counts.is_some() {
        bytes.extend(chunk(model, &json!([]), counts));
    }
    bytes.extend(b"data: [DONE]\n\n");
    bytes
}

pub(super) fn error(code: &str) -> Vec<u8> {
    event(None, &refusal(code))
}

pub(super) fn whole(model: &str, thinking: &str, text: &str, finish: Finish, counts: Counts) -> Value {
    let mut answer = json!({
        "id": "chatcmpl-double", "object": "chat.completion", "created": 1_790_000_000, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": null, "annotations": []},
            "logprobs": null, "finish_reason": reason(finish)}],
        "usage": usage_of(counts),
    });
    if !thinking.is_empty() {
        answer["choices"][0]["message"]["reasoning_content"] = thinking.into();
    }
    answer
}

pub(super) fn refusal(code: &str) -> Value {
    json!({"error": {"message": format!("The double says {code}."), "type": code, "param": null, "code": code}})
}
