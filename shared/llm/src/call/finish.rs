//! Why an answer ends, in the words of all vendors.

use crate::chat::FinishReason;

/// The answer did not end, it failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed;

/// What a vendor's word for the end means. Unknown words are reasons of their own.
pub(crate) fn read(word: &str) -> Result<FinishReason, Failed> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let word = word.strip_prefix("finish_reason_").unwrap_or(&word);
    Ok(match word {
        "stop" | "end_turn" | "stop_sequence" | "eos" | "eos_token" | "stop_token" | "end" | "complete"
        | "completed" | "done" | "finished" => FinishReason::Stop,
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "max_length"
        | "model_length"
        | "token_limit"
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
        | "content_policy" => FinishReason::ContentFilter,
        "error"
        | "network_error"
        | "server_error"
        | "internal_error"
        | "abort"
        | "aborted"
        | "cancelled"
        | "canceled"
        | "failed"
        | "timeout"
        | "insufficient_system_resource"
        | "overloaded" => return Err(Failed),
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
            ("insufficient_system_resource", Err(Failed)),
        ] {
            assert_eq!(read(word), expected, "{word}");
        }
    }
}
