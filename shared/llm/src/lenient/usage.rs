//! Token counts under the names of all vendors.

use serde_json::Value;

use super::field;
use crate::Usage;

/// A prompt count above this multiple of the estimate is implausible: another tokenizer counts three times as many.
const IMPLAUSIBLE_PROMPT: u64 = 16;
/// The same for the completion, a part of which is hidden thinking.
const IMPLAUSIBLE_COMPLETION: u64 = 16;
/// Tokens allowed in addition, for templates and tools that a provider adds.
const SLACK: u64 = 4_096;

/// Each name here contains one of these.
const COUNTS: [&str; 3] = ["token", "Token", "eval_count"];
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
/// Cached tokens that are part of the prompt.
const CACHED: [&str; 5] = [
    "cached_tokens",
    "cachedTokens",
    "cachedContentTokenCount",
    "cached_content_token_count",
    "prompt_cache_hit_tokens",
];
/// Cached tokens that are not part of the input, as Anthropic and Bedrock count them.
const CACHE_READ: [&str; 2] = ["cache_read_input_tokens", "cacheReadInputTokens"];
/// Tokens written to a cache that are not part of the input.
const CACHE_WRITE: [&str; 2] = ["cache_creation_input_tokens", "cacheWriteInputTokens"];
/// Reasoning that is not part of the answer, as Gemini counts it.
const THOUGHTS: [&str; 2] = ["thoughtsTokenCount", "thoughts_token_count"];
/// Tokens read by Gemini's own tools, in addition to the prompt.
const TOOLS: [&str; 2] = ["toolUsePromptTokenCount", "tool_use_prompt_token_count"];

/// The provider's counts so far. Unreadable and implausible counts are treated as missing: they are then estimated and
/// marked as such.
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
    /// Whether `cache_read` and `cache_write` are not part of the input.
    is_beside: bool,
}

/// Returns the token counts of a usage object. Zero counts as missing: no call reads or writes nothing, and some
/// servers send zeros if they have not counted.
pub(crate) fn counts(usage: &Value) -> Counts {
    // Each event is searched for counts in several places, and few have any.
    let is_count = |name: &String| COUNTS.iter().any(|part| name.contains(part));
    if !usage.as_object().is_some_and(|fields| fields.keys().any(is_count)) {
        return Counts::default();
    }
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
    // xAI counts reasoning in addition to the answer, as its total shows.
    let completion = of(usage, &COMPLETION).map(|said| match reasoning {
        Some(reasoning) => {
            let both = said.saturating_add(reasoning);
            let is_beside = reasoning > said || total == Some(prompt.unwrap_or(0).saturating_add(both));
            if is_beside { both } else { said }
        }
        None => said,
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

/// Returns a token count: whole and positive. Above 2^53, a JSON number is not exact.
fn count(value: &Value) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |number: f64| (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, positive and small"
    )]
    let count = value
        .as_u64()
        .or_else(|| value.as_f64().and_then(whole).map(|number| number as u64))?;
    (count > 0).then_some(count)
}

/// Our own estimate of a call, in tokens. It replaces missing counts and bounds the others: a provider that reports
/// more than the request could have used is wrong, and its counts would be charged to a user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallEstimate {
    /// Tokens of the prompt.
    pub(crate) prompt: u64,
    /// Tokens generated, including thinking.
    pub(crate) written: u64,
    /// Tokens of thinking.
    pub(crate) thought: u64,
    /// The requested maximum size of the answer.
    pub(crate) max_tokens: u64,
}

impl CallEstimate {
    /// Creates the estimate of a call whose result is not text.
    pub(crate) fn of_prompt(prompt: u64) -> Self {
        Self {
            prompt,
            written: 0,
            thought: 0,
            max_tokens: 0,
        }
    }

    fn most_prompt(self) -> u64 {
        self.prompt.saturating_mul(IMPLAUSIBLE_PROMPT).saturating_add(SLACK)
    }

    fn most_completion(self) -> u64 {
        let written = self.written.saturating_mul(IMPLAUSIBLE_COMPLETION);
        self.max_tokens.saturating_mul(2).max(written).saturating_add(SLACK)
    }
}

impl Counts {
    /// Returns the counts without the completion, which the first event of a stream reports before it is generated.
    pub(crate) fn of_prompt(self) -> Self {
        Self {
            completion: None,
            reasoning: None,
            thoughts: None,
            ..self
        }
    }

    /// Returns the counts without those that the call cannot have used.
    fn within(self, call: CallEstimate) -> Self {
        let sum = |counts: &[Option<u64>]| {
            counts
                .iter()
                .flatten()
                .fold(0, |sum: u64, count| sum.saturating_add(*count))
        };
        let beside = [self.cache_read, self.cache_write].map(|count| count.filter(|_| self.is_beside));
        let mut plausible = self;
        let prompt = sum(&[self.prompt, self.tools, beside[0], beside[1]]);
        let cached = sum(&[self.cached]).max(sum(&[self.cache_read, self.cache_write]));
        if prompt.max(cached) > call.most_prompt() {
            (plausible.prompt, plausible.cached, plausible.tools) = (None, None, None);
            (plausible.cache_read, plausible.cache_write) = (None, None);
        }
        let completion = sum(&[self.completion, self.thoughts]);
        if completion.max(sum(&[self.reasoning])) > call.most_completion() {
            plausible = plausible.of_prompt();
        }
        plausible
    }

    /// Returns the counts updated by later ones, which are sums so far.
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

    /// Returns the tokens of the call, with estimates for missing and impossible counts.
    pub(crate) fn usage(self, call: CallEstimate) -> Usage {
        let CallEstimate {
            prompt,
            written,
            thought,
            ..
        } = call;
        self.within(call).estimated_with(prompt, written, thought)
    }

    fn estimated_with(self, prompt: u64, written: u64, thought: u64) -> Usage {
        let zero = |count: Option<u64>| count.unwrap_or_default();
        let (read, write) = (zero(self.cache_read), zero(self.cache_write));
        let beside = if self.is_beside { read + write } else { 0 };
        let tools = zero(self.tools);
        let counted = match self.prompt {
            Some(prompt) => Some(prompt + beside + tools),
            // All of it came from a cache.
            None if beside > 0 => Some(beside + tools),
            None => None,
        };
        let thoughts = zero(self.thoughts);
        let completion = match (self.completion, self.thoughts) {
            (None, None) => None,
            // A count of thoughts alone is the completion only if nothing else was generated.
            (None, Some(_)) if written > thought => None,
            (completion, _) => Some(zero(completion) + thoughts),
        };
        // A call that generated nothing has nothing to count there.
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

    const ESTIMATE: CallEstimate = CallEstimate {
        prompt: 70,
        written: 7,
        thought: 0,
        max_tokens: 1_000,
    };

    /// Returns the tokens read and written, and whether an estimate of 70 read and 7 written was used.
    fn read(usage: &Value) -> (u64, u64, bool) {
        let usage = counts(usage).usage(ESTIMATE);
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
            // LiteLLM repeats Anthropic's names beside sums that include them.
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
        let usage = first.and(second).and(empty).usage(ESTIMATE);
        assert_eq!(
            (usage.prompt_tokens, usage.completion_tokens, usage.estimated),
            (9, 3, false)
        );
        assert!(first.of_prompt().usage(ESTIMATE).estimated);
    }

    #[test]
    fn more_than_the_request_could_have_used_is_not_believed() {
        // 16 times the estimate and twice the maximum, plus the tolerance.
        let (most_prompt, most_completion) = (70 * 16 + 4_096, 2 * 1_000 + 4_096);
        let beyond = [most_prompt + 1, 5_000_000, 1_000_000_000_000_000, u64::MAX];
        for (counted, expected) in [(most_prompt, (most_prompt, 3, false))]
            .into_iter()
            .chain(beyond.map(|counted| (counted, (70, 3, true))))
        {
            let usage = json!({"prompt_tokens": counted, "completion_tokens": 3});
            assert_eq!(read(&usage), expected, "{usage}");
        }
        for (counted, expected) in [
            (most_completion, (9, most_completion, false)),
            (most_completion + 1, (9, 7, true)),
            (u64::MAX, (9, 7, true)),
        ] {
            let usage = json!({"prompt_tokens": 9, "completion_tokens": counted});
            assert_eq!(read(&usage), expected, "{usage}");
        }
        // Counts that are possible individually but not together.
        for usage in [
            json!({"input_tokens": 4_000, "cache_read_input_tokens": 4_000, "output_tokens": 3}),
            json!({"promptTokenCount": 4_000, "toolUsePromptTokenCount": u64::MAX, "candidatesTokenCount": 3}),
        ] {
            assert_eq!(read(&usage), (70, 3, true), "{usage}");
        }
        let thoughts = json!({"promptTokenCount": 9, "candidatesTokenCount": 6_000, "thoughtsTokenCount": 6_000});
        assert_eq!(read(&thoughts), (9, 7, true));
        let texts = counts(&json!({"prompt_tokens": 9_000_000})).usage(CallEstimate::of_prompt(12));
        assert_eq!(
            (texts.prompt_tokens, texts.completion_tokens, texts.estimated),
            (12, 0, true)
        );
    }
}
