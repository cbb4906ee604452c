//! Tokens under the names of all vendors.

use serde_json::Value;

use super::field;
use crate::Usage;

/// More tokens than any model takes at once. A provider that reports more is wrong, and its number would break the
/// books.
const MOST_TOKENS: u64 = 10_000_000;

const PROMPT: [&str; 8] = [
    "prompt_tokens",
    "input_tokens",
    "promptTokens",
    "inputTokens",
    "promptTokenCount",
    "prompt_token_count",
    "inputTokenCount",
    "prompt_eval_count",
];
const COMPLETION: [&str; 8] = [
    "completion_tokens",
    "output_tokens",
    "completionTokens",
    "outputTokens",
    "candidatesTokenCount",
    "candidates_token_count",
    "outputTokenCount",
    "eval_count",
];
/// Tokens out of a cache that are part of the prompt.
const CACHED: [&str; 5] = [
    "cached_tokens",
    "cachedTokens",
    "cachedContentTokenCount",
    "cached_content_token_count",
    "prompt_cache_hit_tokens",
];
/// Tokens out of a cache that stand beside the input, as Anthropic and Bedrock count them.
const CACHE_READ: [&str; 2] = ["cache_read_input_tokens", "cacheReadInputTokens"];
/// Tokens put into a cache that stand beside the input.
const CACHE_WRITE: [&str; 2] = ["cache_creation_input_tokens", "cacheWriteInputTokens"];
/// Reasoning that stands beside the answer, as Gemini counts it.
const THOUGHTS: [&str; 2] = ["thoughtsTokenCount", "thoughts_token_count"];
/// What Gemini's own tools read, beside the prompt.
const TOOLS: [&str; 2] = ["toolUsePromptTokenCount", "tool_use_prompt_token_count"];

/// What a provider has counted so far. Counts that cannot be read or cannot be true are as if they were missing:
/// whoever needs them estimates, and says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    prompt: Option<u64>,
    completion: Option<u64>,
    cached: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
    thoughts: Option<u64>,
    tools: Option<u64>,
    /// Whether `cache_read` and `cache_write` stand beside the input.
    is_beside: bool,
}

/// The tokens in a usage object. Zero says nothing: a call that read or wrote nothing does not exist, and some servers
/// fill in zeros where they have not counted.
pub(crate) fn counts(usage: &Value) -> Counts {
    let of = |value: &Value, names: &[&str]| names.iter().find_map(|name| count(&value[*name]));
    let prompt_details = field(
        usage,
        &["prompt_tokens_details", "input_tokens_details", "promptTokensDetails"],
    );
    let completion_details = field(
        usage,
        &[
            "completion_tokens_details",
            "output_tokens_details",
            "completionTokensDetails",
        ],
    );
    let beside = ["input_tokens", "inputTokens"];
    let prompt = of(usage, &PROMPT);
    let reasoning =
        of(completion_details, &["reasoning_tokens", "reasoningTokens"]).or_else(|| of(usage, &["reasoning_tokens"]));
    let total = of(usage, &["total_tokens", "totalTokens"]);
    // xAI counts reasoning beside what was said, which its sum shows.
    let completion = of(usage, &COMPLETION).map(|said| match reasoning {
        Some(reasoning) if reasoning > said || total == Some(prompt.unwrap_or(0) + said + reasoning) => {
            said + reasoning
        }
        _ => said,
    });
    Counts {
        prompt,
        completion,
        cached: of(prompt_details, &CACHED).or_else(|| of(usage, &CACHED)),
        cache_read: of(usage, &CACHE_READ),
        cache_write: of(usage, &CACHE_WRITE).or_else(|| of(prompt_details, &["cache_write_tokens"])),
        reasoning,
        thoughts: of(usage, &THOUGHTS),
        tools: of(usage, &TOOLS),
        is_beside: of(usage, &PROMPT[..1]).is_none()
            && (of(usage, &beside).is_some() || of(usage, &CACHE_READ).is_some() || of(usage, &CACHE_WRITE).is_some()),
    }
}

/// A number of tokens: whole, positive and possible.
fn count(value: &Value) -> Option<u64> {
    let whole = |number: f64| (number.fract() == 0.0 && (0.0..=1e15).contains(&number)).then_some(number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, positive and small"
    )]
    let count = value
        .as_u64()
        .or_else(|| value.as_f64().and_then(whole).map(|number| number as u64))?;
    (1..=MOST_TOKENS).contains(&count).then_some(count)
}

impl Counts {
    /// The same without what was written: the first event of a stream counts that before it is.
    pub(crate) fn of_prompt(self) -> Self {
        Self {
            completion: None,
            reasoning: None,
            thoughts: None,
            ..self
        }
    }

    /// The same, without counts above these: a provider that reports more is wrong, and what it says would be charged.
    pub(crate) fn within(self, prompt: u64, completion: u64) -> Self {
        let fit = |counts: &[Option<u64>], most: u64| counts.iter().flatten().all(|count| *count <= most);
        let mut plausible = self;
        if !fit(
            &[self.prompt, self.cached, self.cache_read, self.cache_write, self.tools],
            prompt,
        ) {
            (plausible.prompt, plausible.cached, plausible.tools) = (None, None, None);
            (plausible.cache_read, plausible.cache_write) = (None, None);
        }
        if !fit(&[self.completion, self.reasoning, self.thoughts], completion) {
            plausible = plausible.of_prompt();
        }
        plausible
    }

    /// The same, with what is counted anew. Counts are sums so far, so a later one replaces an earlier one.
    pub(crate) fn and(self, later: Self) -> Self {
        Self {
            prompt: later.prompt.or(self.prompt),
            completion: later.completion.or(self.completion),
            cached: later.cached.or(self.cached),
            cache_read: later.cache_read.or(self.cache_read),
            cache_write: later.cache_write.or(self.cache_write),
            reasoning: later.reasoning.or(self.reasoning),
            thoughts: later.thoughts.or(self.thoughts),
            tools: later.tools.or(self.tools),
            is_beside: later.is_beside || self.is_beside,
        }
    }

    /// The tokens of the call, with `prompt`, `written` and `thought` as estimates in place of what was not counted.
    pub(crate) fn usage(self, prompt: u64, written: u64, thought: u64) -> Usage {
        let zero = |count: Option<u64>| count.unwrap_or_default();
        let (read, write) = (zero(self.cache_read), zero(self.cache_write));
        let beside = if self.is_beside { read + write } else { 0 };
        let tools = zero(self.tools);
        let counted = match self.prompt {
            Some(prompt) => Some(prompt + beside + tools),
            // All of it came out of a cache.
            None if beside > 0 => Some(beside + tools),
            None => None,
        };
        let thoughts = zero(self.thoughts);
        let completion = match (self.completion, self.thoughts) {
            (None, None) => None,
            // Thoughts alone count what was written only when nothing else was.
            (None, Some(_)) if written > thought => None,
            (completion, _) => Some(zero(completion) + thoughts),
        };
        // A call that wrote nothing has nothing to count there.
        let is_estimated = counted.is_none() || (completion.is_none() && written > 0);
        let prompt_tokens = counted.unwrap_or(prompt);
        let completion_tokens = completion.unwrap_or(written);
        let cached_tokens = self.cached.or(self.cache_read).unwrap_or_default().min(prompt_tokens);
        let reasoning = match completion {
            Some(_) => self.reasoning.unwrap_or(thoughts),
            None => thought,
        };
        Usage {
            prompt_tokens,
            completion_tokens,
            cached_tokens,
            cache_write_tokens: write.min(prompt_tokens - cached_tokens),
            reasoning_tokens: reasoning.min(completion_tokens),
            estimated: is_estimated,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The tokens read and written, and whether an estimate of 70 read and 7 written had to stand in.
    fn read(usage: &Value) -> (u64, u64, bool) {
        let usage = counts(usage).usage(70, 7, 0);
        (usage.prompt_tokens, usage.completion_tokens, usage.estimated)
    }

    #[test]
    fn tokens_are_counted_under_the_names_of_all_vendors() {
        for usage in [
            json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}),
            json!({"input_tokens": 9, "output_tokens": 3}),
            json!({"inputTokens": 9, "outputTokens": 3}),
            json!({"promptTokens": 9.0, "completionTokens": 3.0}),
            json!({"promptTokenCount": 9, "candidatesTokenCount": 3}),
            json!({"prompt_eval_count": 9, "eval_count": 3}),
            json!({"input_tokens": 4, "cache_read_input_tokens": 5, "output_tokens": 3}),
            json!({"inputTokens": 4, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 2, "outputTokens": 3}),
            json!({"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 1}),
            // LiteLLM repeats Anthropic's names beside sums that hold them.
            json!({"prompt_tokens": 9, "completion_tokens": 3, "cache_read_input_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 5}}),
            json!({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": null, "completion_tokens_details": [],
                "total_tokens": "many"}),
        ] {
            assert_eq!(read(&usage), (9, 3, false), "{usage}");
        }
    }

    #[test]
    fn what_cannot_be_a_count_is_estimated_and_says_so() {
        for usage in [json!(null), json!({}), json!([]), json!("12"), json!(5)] {
            assert_eq!(read(&usage), (70, 7, true), "{usage}");
        }
        for wrong in [
            json!(-3),
            json!(3.5),
            json!("3"),
            json!(1e18),
            json!(u64::MAX),
            json!(0),
            json!(null),
            json!([3]),
        ] {
            let usage = json!({"prompt_tokens": 9, "completion_tokens": wrong});
            assert_eq!(read(&usage), (9, 7, true), "{usage}");
            let usage = json!({"prompt_tokens": wrong, "completion_tokens": 3});
            assert_eq!(read(&usage), (70, 3, true), "{usage}");
        }
    }

    #[test]
    fn a_later_count_replaces_an_earlier_one_as_far_as_it_says_something() {
        let first = counts(&json!({"input_tokens": 9, "output_tokens": 1}));
        let second = counts(&json!({"output_tokens": 3}));
        let empty = counts(&json!({"input_tokens": 0, "output_tokens": 0}));
        let usage = first.and(second).and(empty).usage(70, 7, 0);
        assert_eq!(
            (usage.prompt_tokens, usage.completion_tokens, usage.estimated),
            (9, 3, false)
        );
        assert!(first.of_prompt().usage(70, 7, 0).estimated);
    }

    #[test]
    fn counts_that_cannot_be_are_none() {
        let wrong = counts(&json!({"prompt_tokens": 5_000_000, "completion_tokens": 9_000_000}));
        let usage = wrong.within(5_000, 5_000).usage(70, 7, 0);
        assert_eq!(
            (usage.prompt_tokens, usage.completion_tokens, usage.estimated),
            (70, 7, true)
        );
        let right = counts(&json!({"prompt_tokens": 5_000, "completion_tokens": 9}));
        let usage = right.within(5_000, 5_000).usage(70, 7, 0);
        assert_eq!(
            (usage.prompt_tokens, usage.completion_tokens, usage.estimated),
            (5_000, 9, false)
        );
    }
}
