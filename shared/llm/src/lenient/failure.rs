//! Failures that are told with status 200, in the shapes of all servers.

use serde_json::Value;

use super::{field, first, is_empty, word};

/// Fields of an answer. Beside one of them, words such as `message` or `detail` are no failure.
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

/// The part of an event or of a body that tells of a failure; none in a part of an answer.
pub(crate) fn failure(value: &Value) -> Option<&Value> {
    let error = field(value, &["error", "errors", "Error"]);
    if !is_empty(error) {
        // Words beside the error say more than a mere text in it, as `error_type` does.
        return Some(if error.is_string() { value } else { first(error) });
    }
    if ["object", "type", "status"].iter().any(|name| value[*name] == "error") {
        return Some(value);
    }
    // `{"error_code": 336003, "error_msg": "..."}`
    let names = [
        "error_code",
        "errorCode",
        "error_msg",
        "error_message",
        "errorMessage",
        "err_msg",
    ];
    if names.iter().any(|name| says_failure(&value[*name])) {
        return Some(value);
    }
    // `{"base_resp": {"status_code": 1004, "status_msg": "..."}}`
    let response = &value["base_resp"];
    if says_failure(&response["status_code"]) {
        return Some(response);
    }
    // A choice that failed.
    let choice = first(field(value, &["choices", "candidates"]));
    if !is_empty(&choice["error"]) {
        return Some(&choice["error"]);
    }
    if ANSWER.iter().any(|name| value.get(*name).is_some()) {
        return None;
    }
    // `{"detail": "Not Found"}`, `{"message": "..."}`, `{"code": 500, "msg": "..."}`, `{"success": false}`
    let is_told = !is_empty(&value["detail"])
        || ["message", "Message", "msg"]
            .iter()
            .any(|name| word(&value[*name]).is_some())
        || value["success"] == false;
    is_told.then_some(value)
}

/// Whether a code or a message of a failure says that there is one: `0` and `"0"` do not.
fn says_failure(value: &Value) -> bool {
    !is_empty(value) && value.as_f64() != Some(0.0) && value != "0"
}

/// Words of failures in plain text.
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

/// Whether words that stand where an event was due tell of a failure. Other words are signs of life.
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
