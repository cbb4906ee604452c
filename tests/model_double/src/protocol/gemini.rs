//! <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>
//!
//! There is no end mark: the last event has a `finishReason`, and the response ends.

use serde_json::{Value, json};

use super::event;
use crate::{Counts, Finish};

fn response(model: &str, candidate: &Value, counts: Option<Counts>) -> Value {
    let mut response = json!({"candidates": [candidate], "modelVersion": model, "responseId": "double"});
    if let Some(counts) = counts {
        response["usageMetadata"] = json!({
            "promptTokenCount": counts.prompt, "cachedContentTokenCount": counts.cached,
            "candidatesTokenCount": counts.completion - counts.reasoning,
            "thoughtsTokenCount": counts.reasoning, "totalTokenCount": counts.prompt + counts.completion,
        });
    }
    response
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered => "SAFETY",
        Finish::Word(word) => word,
    }
}

pub(super) fn piece(model: &str, text: &str, is_thought: bool) -> Vec<u8> {
    let part = if is_thought {
        json!({"text": text, "thought": true})
    } else {
        json!({"text": text})
    };
    let candidate = json!({"content": {"parts": [part], "role": "model"}, "index": 0});
    event(None, &response(model, &candidate, None))
}

pub(super) fn end(model: &str, finish: Finish, counts: Option<Counts>) -> Vec<u8> {
    let content = json!({"parts": [{"text": ""}], "role": "model"});
    let candidate = json!({"content": content, "finishReason": reason(finish), "index": 0});
    event(None, &response(model, &candidate, counts))
}

pub(super) fn error(code: &str) -> Vec<u8> {
    event(None, &refusal(503, code))
}

pub(super) fn whole(model: &str, thinking: &str, text: &str, finish: Finish, counts: Counts) -> Value {
    let text = json!({"text": text});
    let parts = if thinking.is_empty() {
        json!([text])
    } else {
        json!([{"text": thinking, "thought": true}, text])
    };
    let content = json!({"parts": parts, "role": "model"});
    let candidate = json!({"content": content, "finishReason": reason(finish), "index": 0});
    response(model, &candidate, Some(counts))
}

pub(super) fn refusal(status: u16, code: &str) -> Value {
    json!({"error": {"code": status, "message": format!("The double says {code}."), "status": code}})
}
