//! A provider's objection to a request, in words that its client can act on.
//!
//! A provider's 400 is the client's 400. Vendors report the reason by a code, by a type, or only by a message; the
//! tables here know all three. They are tried in this order, because a message is the least certain.

mod clean;

use clean::clean;

/// An objection to a request, as reported by its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The kind of objection.
    pub reason: RejectionReason,
    /// The parameter, if the provider names one.
    pub param: Option<String>,
    /// A sentence for the client: the provider's own without secrets, or one of ours.
    pub detail: String,
}

/// The kinds of objections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionReason {
    /// Prompt and answer exceed the model's context window.
    ContextLength,
    /// The provider's content policy.
    ContentFilter,
    /// The model does not exist, or is not available to this account.
    ModelNotFound,
    /// A parameter that the model does not support, or not with this value.
    InvalidParameter,
    /// The request has more bytes than the provider accepts.
    TooLarge,
    /// Anything else.
    Other,
}

use RejectionReason::{ContentFilter, ContextLength, InvalidParameter, ModelNotFound, Other, TooLarge};

impl RejectionReason {
    /// Returns the stable code: `OpenAI`'s, if it has one.
    pub fn code(self) -> &'static str {
        match self {
            ContextLength => "context_length_exceeded",
            ContentFilter => "content_filter",
            ModelNotFound => "model_not_found",
            InvalidParameter => "invalid_parameter",
            TooLarge => "request_too_large",
            Other => "invalid_request",
        }
    }

    /// Returns a sentence, for providers whose message cannot be shown.
    fn sentence(self) -> &'static str {
        match self {
            ContextLength => "The conversation exceeds the model's context window. Shorten it, or lower `max_tokens`.",
            ContentFilter => "The request violates the content policy of the model's provider. Rephrase it.",
            ModelNotFound => "The model does not exist, or is not available to the configured account.",
            InvalidParameter => "The model does not support one of the parameters, or not with this value.",
            TooLarge => "The request exceeds the size limit of the model's provider. Shorten it.",
            Other => "The model's provider does not accept the request.",
        }
    }
}

/// Codes and types of vendors.
const CODES: [(&str, RejectionReason); 53] = [
    ("context_length_exceeded", ContextLength),
    ("context_length_error", ContextLength),
    ("context_window_exceeded", ContextLength),
    ("ContextWindowExceededError", ContextLength),
    ("model_context_window_exceeded", ContextLength),
    ("exceed_context_size_error", ContextLength),
    ("prompt_too_long", ContextLength),
    ("tokens_limit_reached", ContextLength),
    ("input_too_long", ContextLength),
    ("content_filter", ContentFilter),
    ("content_filtered", ContentFilter),
    ("content_policy_violation", ContentFilter),
    ("ContentPolicyViolationError", ContentFilter),
    ("ResponsibleAIPolicyViolation", ContentFilter),
    ("content_moderation", ContentFilter),
    ("moderation_blocked", ContentFilter),
    ("data_inspection_failed", ContentFilter),
    ("DataInspectionFailed", ContentFilter),
    ("guardrail_intervened", ContentFilter),
    ("invalid_prompt", ContentFilter),
    ("model_not_found", ModelNotFound),
    ("model_not_available", ModelNotFound),
    ("model_not_exist", ModelNotFound),
    ("model_not_supported", ModelNotFound),
    ("model_decommissioned", ModelNotFound),
    ("unknown_model", ModelNotFound),
    ("invalid_model", ModelNotFound),
    ("DeploymentNotFound", ModelNotFound),
    ("not_found_error", ModelNotFound),
    ("ResourceNotFoundException", ModelNotFound),
    ("ModelNotFoundError", ModelNotFound),
    ("unsupported_parameter", InvalidParameter),
    ("unsupported_value", InvalidParameter),
    ("unknown_parameter", InvalidParameter),
    ("invalid_parameter", InvalidParameter),
    ("InvalidParameter", InvalidParameter),
    ("invalid_parameter_error", InvalidParameter),
    ("invalid_parameter_value", InvalidParameter),
    ("UnsupportedParamsError", InvalidParameter),
    ("invalid_value", InvalidParameter),
    ("invalid_type", InvalidParameter),
    ("missing_required_parameter", InvalidParameter),
    ("integer_above_max_value", InvalidParameter),
    ("integer_below_min_value", InvalidParameter),
    ("decimal_above_max_value", InvalidParameter),
    ("decimal_below_min_value", InvalidParameter),
    ("array_above_max_length", InvalidParameter),
    ("array_below_min_length", InvalidParameter),
    ("string_above_max_length", InvalidParameter),
    ("string_below_min_length", InvalidParameter),
    ("invalid_request_invalid_args", InvalidParameter),
    ("request_too_large", TooLarge),
    ("RequestEntityTooLarge", TooLarge),
];

/// Phrases of vendors, in lower case. All parts of a row have to match; the first matching row applies.
const SENTENCES: [(&[&str], RejectionReason); 67] = [
    // Limits of tokens per minute that this request alone exceeds: waiting does not help.
    (&["request too large"], TooLarge),
    (&["max length of question"], ContextLength),
    (&["no allowed providers"], ModelNotFound),
    (&["function", "not found for account"], ModelNotFound),
    (&["too many tokens"], ContextLength),
    (&["tokens in the prompt"], ContextLength),
    (&["supports at most", "tokens"], ContextLength),
    (&["reduce your prompt"], ContextLength),
    (&["input is too large"], ContextLength),
    (&["max context"], ContextLength),
    (&["content exists risk"], ContentFilter),
    (&["content safety"], ContentFilter),
    (&["unsafe content"], ContentFilter),
    (&["model_not_supported"], ModelNotFound),
    (&["model", "is not available"], ModelNotFound),
    (&["not have access to", "model"], ModelNotFound),
    (&["no endpoints found"], ModelNotFound),
    (&["context length"], ContextLength),
    (&["context_length"], ContextLength),
    (&["context window"], ContextLength),
    (&["context limit"], ContextLength),
    (&["context size"], ContextLength),
    (&["contextwindow"], ContextLength),
    (&["prompt is too long"], ContextLength),
    (&["prompt too long"], ContextLength),
    (&["prompt length"], ContextLength),
    (&["input is too long"], ContextLength),
    (&["input too long"], ContextLength),
    (&["input length"], ContextLength),
    (&["input token count"], ContextLength),
    (&["too many input tokens"], ContextLength),
    (&["too many total text bytes"], ContextLength),
    (&["exceeds the maximum number of tokens"], ContextLength),
    (&["number of input tokens"], ContextLength),
    (&["reduce the length"], ContextLength),
    (&["max_new_tokens", "must be <="], ContextLength),
    (&["max_model_len"], ContextLength),
    (&["exceeds", "token limit"], ContextLength),
    (&["too large for model"], ContextLength),
    (&["content management policy"], ContentFilter),
    (&["content policy"], ContentFilter),
    (&["content filter"], ContentFilter),
    (&["content_filter"], ContentFilter),
    (&["content polic"], ContentFilter),
    (&["usage polic"], ContentFilter),
    (&["safety system"], ContentFilter),
    (&["responsible ai"], ContentFilter),
    (&["inappropriate content"], ContentFilter),
    (&["harmful content"], ContentFilter),
    (&["sensitive content"], ContentFilter),
    (&["moderation"], ContentFilter),
    (&["flagged"], ContentFilter),
    (&["guardrail"], ContentFilter),
    (&["model", "not found"], ModelNotFound),
    (&["model", "not exist"], ModelNotFound),
    (&["deployment", "not exist"], ModelNotFound),
    (&["deployment", "not found"], ModelNotFound),
    (&["unknown model"], ModelNotFound),
    (&["invalid model"], ModelNotFound),
    (&["no such model"], ModelNotFound),
    (&["not a valid model"], ModelNotFound),
    (&["model identifier is invalid"], ModelNotFound),
    (&["model", "decommissioned"], ModelNotFound),
    (&["model", "has been deprecated"], ModelNotFound),
    (&["model", "no longer available"], ModelNotFound),
    (&["model is not available"], ModelNotFound),
    (&["model", "try pulling"], ModelNotFound),
];

/// Phrases about a parameter, if nothing above matches.
const PARAMETERS: [&str; 14] = [
    "must be <=",
    "out of range",
    "unsupported parameter",
    "unsupported value",
    "unrecognized request argument",
    "unknown parameter",
    "unknown name",
    "extra inputs are not permitted",
    "not supported with this model",
    "does not support",
    "invalid value",
    "must be between",
    "should be less than",
    "should be greater than",
];

/// Phrases of servers that are called at an unknown path: a wrong base URL.
const ADDRESSES: [&str; 9] = [
    "page not found",
    "invalid url",
    "unknown url",
    "cannot post",
    "cannot get",
    "no route",
    "no static resource",
    "resource not found",
    "unknown request url",
];

/// Parameters that providers name at the beginning of their messages, or in quotation marks.
const NAMES: [&str; 15] = [
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "maxTokens",
    "top_p",
    "top_k",
    "stop",
    "seed",
    "messages",
    "model",
    "input",
    "dimensions",
    "system",
];

/// Returns why a request was rejected with `words` (codes and types, the most specific first) and a message; `None` if
/// neither is known. `param`: the parameter that the provider names.
fn reason(words: &[String], sentence: &str, param: Option<&str>) -> Option<RejectionReason> {
    let known = |word: &String| CODES.iter().find(|(code, _)| word.eq_ignore_ascii_case(code));
    let lower = sentence.to_lowercase();
    let spoken = SENTENCES
        .iter()
        .find(|(parts, _)| parts.iter().all(|part| lower.contains(part)))
        .map(|(_, reason)| *reason);
    match (words.iter().find_map(known).map(|(_, reason)| *reason), spoken) {
        // "Invalid value" says less than the message does.
        (None | Some(InvalidParameter), Some(spoken)) => Some(spoken),
        (Some(known), _) => Some(known),
        (None, None) if param.is_some() || PARAMETERS.iter().any(|part| lower.contains(part)) => Some(InvalidParameter),
        (None, None) => None,
    }
}

/// Returns the reason regardless of the status: some servers report a conversation that is too long as a failure of
/// their own, and others with 200.
pub(crate) fn known(words: &[String], sentence: &str) -> Option<RejectionReason> {
    reason(words, sentence, None)
}

impl Rejection {
    /// Returns the rejection for a status, if the client can fix it; `None` for statuses that concern the operator.
    pub(crate) fn read(status: u16, words: &[String], sentence: &str, param: Option<&str>) -> Option<Self> {
        let param = param
            .map(str::to_owned)
            .or_else(|| named(sentence))
            .filter(|param| is_fit(param));
        let reason = reason(words, sentence, param.as_deref());
        let reason = match (status, reason) {
            (404 | 410, Some(ModelNotFound)) => ModelNotFound,
            (404 | 410, _) if is_about_a_model(words, sentence) => ModelNotFound,
            // Reported with the status of a key without permission.
            (403, Some(ContentFilter)) => ContentFilter,
            (413, None | Some(Other)) => TooLarge,
            (400 | 413 | 422, reason) => reason.unwrap_or(Other),
            _ => return None,
        };
        let detail = clean(sentence).unwrap_or_else(|| reason.sentence().to_owned());
        Some(Self { reason, param, detail })
    }
}

/// Returns whether the thing that was not found is a model, and not the URL: requests name nothing else, but servers at
/// a wrong base URL say little more than that nothing was found.
fn is_about_a_model(words: &[String], sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    let is_about_an_address = ADDRESSES.iter().any(|part| lower.contains(part)) || clean(sentence).is_none();
    let is_sentence = lower.split_whitespace().count() >= 4;
    words.iter().any(|word| word == "NOT_FOUND") || (is_sentence && !is_about_an_address)
}

/// Returns the parameter that a message is about: its beginning (`temperature: ...`, `max_tokens is too large`), or a
/// name in quotation marks.
fn named(sentence: &str) -> Option<String> {
    let is_name = |word: &&str| NAMES.contains(word);
    let before_colon = sentence.split(':').next().unwrap_or_default().trim();
    let first = sentence.split_whitespace().next().unwrap_or_default();
    // `system is busy`, `model not found`: these are also ordinary words.
    let is_no_word =
        |name: &&str| name.contains('_') || matches!(*name, "temperature" | "maxTokens" | "maxOutputTokens");
    let quoted = || {
        let mut words = sentence.split(['\'', '`', '"']).skip(1).step_by(2);
        words.find(|word| NAMES.contains(word) && *word != "model")
    };
    let told = Some(before_colon).filter(is_name);
    let first = Some(first).filter(is_name).filter(is_no_word);
    told.or(first).or_else(quoted).map(str::to_owned)
}

fn is_fit(param: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '-');
    // Python programs send None for a missing parameter.
    let is_none = ["none", "null"].iter().any(|none| param.eq_ignore_ascii_case(none));
    !param.is_empty() && !is_none && param.len() <= 64 && param.chars().all(is_allowed)
}

#[cfg(test)]
mod tests;
