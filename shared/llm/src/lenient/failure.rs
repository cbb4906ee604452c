//! Failures reported with status 200, in the formats of all servers.

use serde_json::Value;

use super::{field, first, is_empty, word};

/// Fields of an answer. Beside one of them, fields such as `message` or `detail` are not a failure.
const ANSWER: [&str; 14] = [
    "choices",
    "candidates",
    "promptFeedback",
    "prompt_feedback",
    "usage",
    "usageMetadata",
    "delta",
    "content",
    "content_block",
    "contentBlockIndex",
    "output",
    "response",
    "role",
    "stopReason",
];

/// Returns the part of an event or of a body that reports a failure; `None` for a part of an answer.
pub(crate) fn failure(value: &Value) -> Option<&Value> {
    let error = field(value, &["error", "errors", "Error", "fault"]);
    if !is_hollow(error) {
        // Fields beside the error, such as `error_type`, say more than an error that is only a text.
        return Some(if error.is_string() { value } else { first(error) });
    }
    let words = ["error", "failed", "failure"];
    if ["object", "type", "status", "result"]
        .iter()
        .any(|name| value[*name].as_str().is_some_and(|word| words.contains(&word)))
    {
        return Some(value);
    }
    // `{"error_code": 336003, "error_msg": "..."}`
    if tells_code(value) {
        return Some(value);
    }
    // `{"base_resp": {"status_code": 1004, "status_msg": "..."}}`
    let response = &value["base_resp"];
    if says_failure(&response["status_code"]) {
        return Some(response);
    }
    // A choice that failed.
    let choice = first(field(value, &["choices", "candidates"]));
    for part in [
        choice,
        &choice["delta"],
        &choice["message"],
        &value["delta"],
        &value["data"],
    ] {
        if part.is_object() && !is_hollow(&part["error"]) {
            return Some(&part["error"]);
        }
    }
    if is_answer(value) {
        return None;
    }
    // `{"detail": "Not Found"}`, `{"code": 500, "msg": "..."}`, `{"type": "internal_error"}`, `{"success": false}`
    let is_told = !is_empty(&value["detail"])
        || says_failure(&value["code"])
        || word(&value["type"]).is_some_and(sounds_like_failure)
        || value["success"] == false;
    is_told.then_some(value)
}

/// Returns the message of an event that is neither part of an answer nor clearly a failure: `{"message": "warming
/// up"}`.
pub(crate) fn remark(value: &Value) -> Option<&str> {
    if is_answer(value) {
        return None;
    }
    ["message", "Message", "msg"]
        .iter()
        .find_map(|name| word(&value[*name]))
}

/// Returns whether an event is part of an answer.
fn is_answer(value: &Value) -> bool {
    ANSWER.iter().any(|name| value.get(*name).is_some())
}

/// Returns whether a value reports no failure: `{"code": 0, "message": ""}`.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().all(is_hollow),
        other => !says_failure(other),
    }
}

/// Returns whether a value is like `{"error_code": 336003, "error_msg": "..."}`, in any spelling. A code of 0 means no
/// failure.
fn tells_code(value: &Value) -> bool {
    let Value::Object(fields) = value else { return false };
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    // All of them begin with it, and few fields of an answer do.
    let may_be = |name: &str| name.trim_start_matches('_').starts_with(['e', 'E']);
    let of = |names: &[&str]| {
        fields
            .iter()
            .filter(|(name, _)| may_be(name) && names.contains(&plain(name).as_str()))
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let codes = of(&["errorcode", "errcode", "errorno", "errno"]);
    if codes.iter().any(|code| says_failure(code)) {
        return true;
    }
    let is_fine =
        |words: &Value| word(words).is_none_or(|words| ["ok", "success", "none"].contains(&plain(words).as_str()));
    codes.is_empty()
        && of(&["errormsg", "errormessage", "errmsg"])
            .into_iter()
            .any(|words| !is_fine(words))
}

/// Returns whether a code or a message means a failure: `0` and `"0"` do not.
fn says_failure(value: &Value) -> bool {
    !is_empty(value) && value.as_f64() != Some(0.0) && value != "0"
}

/// Phrases of failures in plain text.
const FAILURES: [&str; 19] = [
    "error",
    "exception",
    "fail",
    "unavailable",
    "timeout",
    "timed out",
    "denied",
    "refused",
    "unauthorized",
    "forbidden",
    "overloaded",
    "rate limit",
    "too many",
    "bad gateway",
    "not found",
    "out of memory",
    "went wrong",
    "invalid",
    "traceback",
];

/// Beginnings of text that is certainly a failure.
const BEGINNINGS: [&str; 20] = [
    "error",
    "exception",
    "traceback",
    "fatal",
    "fail",
    "internal server error",
    "internal error",
    "bad gateway",
    "service unavailable",
    "gateway time",
    "upstream",
    "cuda",
    "out of memory",
    "rate limit",
    "too many requests",
    "overloaded",
    "unauthorized",
    "forbidden",
    "<html",
    "<h1",
];

/// Returns whether text received instead of an event is a failure, whatever follows.
pub(crate) fn is_failure(text: &str) -> bool {
    let text = text.trim_start().to_lowercase();
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

/// Returns whether text received instead of an event may be a failure, if nothing else follows. Other text is a sign of
/// life.
pub(crate) fn sounds_like_failure(text: &str) -> bool {
    let text = text.to_lowercase();
    FAILURES.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_found_in_every_shape() {
        for value in [
            json!({"error": {"message": "Overloaded"}}),
            json!({"error": "Overloaded"}),
            json!({"error": {"code": 502}, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]}),
            json!({"errors": [{"message": "Overloaded"}], "success": false}),
            json!({"object": "error", "message": "Overloaded", "code": 50001}),
            json!({"type": "error", "message": "Overloaded"}),
            json!({"message": "Overloaded", "type": "internal_error"}),
            json!({"error_code": 336_003, "error_msg": "Overloaded"}),
            json!({"errorCode": "E1"}),
            json!({"base_resp": {"status_code": 1004, "status_msg": "Overloaded"}, "choices": null}),
            json!({"detail": "Overloaded"}),
            json!({"detail": [{"loc": ["body"], "msg": "Overloaded"}]}),
            json!({"code": 500, "msg": "Overloaded"}),
            json!({"data": {"error": {"message": "Overloaded"}}}),
            json!({"result": "error", "reason": "no GPU"}),
            json!({"choices": [{"delta": {"error": {"message": "Overloaded"}}}]}),
            json!({"ErrorCode": "500", "ErrorMsg": "died"}),
            json!({"fault": {"faultstring": "Overloaded"}}),
            json!({"type": "content_block_delta", "delta": {"type": "error", "error": {"message": "Overloaded"}}}),
            json!({"success": false}),
            json!({"choices": [{"error": {"message": "Overloaded"}, "delta": {}}]}),
        ] {
            assert!(failure(&value).is_some(), "{value}");
        }
    }

    #[test]
    fn a_part_of_an_answer_is_no_failure() {
        for value in [
            json!({}),
            json!({"type": "ping"}),
            json!({"type": "message_start", "message": {"role": "assistant"}}),
            json!({"choices": [], "error": null, "detail": "cached", "message": "ok"}),
            json!({"choices": [{"delta": {"content": "Hel"}, "error": null}], "error": {}, "error_code": 0}),
            json!({"choices": null, "base_resp": {"status_code": 0, "status_msg": ""}, "usage": {}}),
            json!({"candidates": null, "error": false}),
            json!({"choices": [], "error": {"code": 0, "message": ""}}),
            json!({"choices": [], "error": {"code": null, "message": null}}),
            json!({"choices": [], "error": 0, "error_msg": "success", "error_code": 0}),
            json!({"choices": [], "errorMessage": "OK"}),
            json!({"status": "processing", "message": "queued at position 3"}),
            json!({"message": "warming up"}),
            json!({"contentBlockIndex": 0, "delta": {"text": "x"}}),
            json!({"id": "x", "object": "chat.completion.chunk"}),
        ] {
            assert_eq!(failure(&value), None, "{value}");
        }
    }

    #[test]
    fn a_sign_of_life_is_told_from_a_failure_in_plain_text() {
        for text in [
            "ping",
            "keep-alive",
            ": OPENROUTER PROCESSING",
            "2026-01-01T00:00:00Z",
            "heartbeat 7",
        ] {
            assert!(!sounds_like_failure(text), "{text}");
        }
        for text in [
            "Internal Server Error",
            "CUDA out of memory",
            "upstream timed out",
            "<h1>502 Bad Gateway</h1>",
        ] {
            assert!(sounds_like_failure(text), "{text}");
        }
    }
}
