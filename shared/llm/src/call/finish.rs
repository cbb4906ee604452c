//! Finish reasons in the words of all vendors.

use crate::chat::FinishReason;

/// The answer did not end, it failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed;

/// Parts of words that mean a failure.
const FAILURES: [&str; 13] = [
    "error",
    "exception",
    "overload",
    "timeout",
    "timed_out",
    "abort",
    "interrupt",
    "kill",
    "disconnect",
    "rate_limit",
    "fail",
    "cancel",
    "insufficient",
];

/// Returns whether a word is a finish reason: some servers send a placeholder for an unknown one.
pub(crate) fn says_something(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    !["null", "none", "unknown", "unspecified", "finish_reason_unspecified"].contains(&word.as_str())
}

/// Returns the meaning of a vendor's finish reason; [`FinishReason::Other`] for unknown words.
pub(crate) fn read(word: &str) -> Result<FinishReason, Failed> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let word = word.strip_prefix("finish_reason_").unwrap_or(&word);
    let word = word.strip_prefix("finishreason.").unwrap_or(word);
    Ok(match word {
        "stop" | "<|im_end|>" | "<|eot_id|>" | "end_turn" | "stop_sequence" | "eos" | "eos_token" | "stop_token"
        | "end" | "complete" | "completed" | "done" | "finished" => FinishReason::Stop,
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "max_length"
        | "model_length"
        | "token_limit"
        | "context_length_exceeded"
        | "model_context_window_exceeded" => FinishReason::Length,
        "content_filter"
        | "content_filtered"
        | "guardrail_intervened"
        | "refusal"
        | "safety"
        | "recitation"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "image_safety"
        | "image_prohibited_content"
        | "image_recitation"
        | "sensitive"
        | "blocked"
        | "error_toxic"
        | "content_policy"
        | "model_armor"
        | "language" => FinishReason::ContentFilter,
        "incomplete" | "malformed" => return Err(Failed),
        word if FAILURES.iter().any(|part| word.contains(part)) => return Err(Failed),
        _ => FinishReason::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_all_vendors_are_known() {
        for (word, expected) in [
            ("stop", Ok(FinishReason::Stop)),
            ("STOP", Ok(FinishReason::Stop)),
            ("end_turn", Ok(FinishReason::Stop)),
            ("MAX_TOKENS", Ok(FinishReason::Length)),
            ("model_length", Ok(FinishReason::Length)),
            ("SAFETY", Ok(FinishReason::ContentFilter)),
            ("RECITATION", Ok(FinishReason::ContentFilter)),
            ("guardrail_intervened", Ok(FinishReason::ContentFilter)),
            ("refusal", Ok(FinishReason::ContentFilter)),
            ("MALFORMED_FUNCTION_CALL", Ok(FinishReason::Other)),
            ("tool_calls", Ok(FinishReason::Other)),
            ("error", Err(Failed)),
            ("upstream_error", Err(Failed)),
            ("engine-overloaded", Err(Failed)),
            ("RATE_LIMIT", Err(Failed)),
            ("error_toxic", Ok(FinishReason::ContentFilter)),
            ("FinishReason.STOP", Ok(FinishReason::Stop)),
            ("insufficient_system_resource", Err(Failed)),
        ] {
            assert_eq!(read(word), expected, "{word}");
        }
    }
}
