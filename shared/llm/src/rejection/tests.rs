use super::*;

/// Returns the code and the parameter of an error that a provider sends with 400.
fn read(words: &[&str], sentence: &str) -> (&'static str, Option<String>) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let rejection = Rejection::read(400, &words, sentence, None).unwrap();
    (rejection.reason.code(), rejection.param)
}

/// Codes and types, the message, and the code that a client sees.
const OBJECTIONS: &[(&[&str], &str, &str)] = &[
    // OpenAI
    (
        &["context_length_exceeded", "invalid_request_error"],
        "This model's maximum context length is 8192 tokens.",
        "context_length_exceeded",
    ),
    (
        &["content_policy_violation"],
        "Your request was rejected as a result of our safety system.",
        "content_filter",
    ),
    (
        &["model_not_found"],
        "The model `gpt-9` does not exist or you do not have access to it.",
        "model_not_found",
    ),
    (
        &["unsupported_value"],
        "'temperature' does not support 0.2 with this model.",
        "invalid_parameter",
    ),
    // Azure
    (
        &["content_filter"],
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "content_filter",
    ),
    (
        &["DeploymentNotFound"],
        "The API deployment for this resource does not exist.",
        "model_not_found",
    ),
    // Anthropic
    (
        &["invalid_request_error"],
        "prompt is too long: 210000 tokens > 200000 maximum",
        "context_length_exceeded",
    ),
    (
        &["invalid_request_error"],
        "input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000",
        "context_length_exceeded",
    ),
    (
        &["invalid_request_error"],
        "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens",
        "invalid_parameter",
    ),
    (
        &["invalid_request_error"],
        "Output blocked by content filtering policy",
        "content_filter",
    ),
    (
        &["invalid_request_error"],
        "`temperature` is deprecated for this model.",
        "invalid_parameter",
    ),
    // Gemini
    (
        &["INVALID_ARGUMENT"],
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "context_length_exceeded",
    ),
    (
        &["INVALID_ARGUMENT"],
        "Invalid value at 'generation_config.temperature'",
        "invalid_parameter",
    ),
    // Bedrock
    (
        &["ValidationException"],
        "Input is too long for requested model.",
        "context_length_exceeded",
    ),
    (
        &["ValidationException"],
        "The provided model identifier is invalid.",
        "model_not_found",
    ),
    (
        &["ValidationException"],
        "A conversation must start with a user message.",
        "invalid_request",
    ),
    // vLLM, Ollama, LiteLLM, Groq, Mistral, llama.cpp, TGI
    (
        &["BadRequestError"],
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
        "context_length_exceeded",
    ),
    (
        &[],
        "model \"llama3\" not found, try pulling it first",
        "model_not_found",
    ),
    (
        &["ContextWindowExceededError"],
        "litellm: it is too much",
        "context_length_exceeded",
    ),
    (
        &["model_decommissioned", "invalid_request_error"],
        "The model has been decommissioned.",
        "model_not_found",
    ),
    (
        &["invalid_request_invalid_args"],
        "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        "context_length_exceeded",
    ),
    (
        &["exceed_context_size_error"],
        "the request exceeds the available context size",
        "context_length_exceeded",
    ),
    (
        &["validation"],
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
        "context_length_exceeded",
    ),
    (&[], "Conversation roles must alternate", "invalid_request"),
];

#[test]
fn objections_of_all_vendors_are_told_apart() {
    for (words, sentence, code) in OBJECTIONS {
        assert_eq!(read(words, sentence).0, *code, "{sentence}");
    }
}

#[test]
fn the_parameter_is_named_where_the_provider_does() {
    assert_eq!(read(&[], "temperature: range: 0..1").1.as_deref(), Some("temperature"));
    let sentence = "Unsupported parameter: 'max_tokens' is not supported with this model.";
    assert_eq!(
        read(&["unsupported_parameter"], sentence).1.as_deref(),
        Some("max_tokens")
    );
    assert_eq!(read(&[], "temperature must be <= 1").1.as_deref(), Some("temperature"));
    assert_eq!(
        read(&[], "max_tokens is too large: 99").1.as_deref(),
        Some("max_tokens")
    );
    assert_eq!(read(&[], "model not found").1, None);
    assert_eq!(read(&[], "The model `max` does not exist").1, None);
    let odd = Rejection::read(400, &[], "Something about it", Some("<b>/etc/passwd")).unwrap();
    assert_eq!(odd.param, None);
}

#[test]
fn what_the_client_cannot_mend_is_no_rejection() {
    for (status, sentence) in [
        (401, "Incorrect API key"),
        (403, "The model does not exist for you: forbidden"),
        (404, "404 page not found"),
        (404, "Not Found"),
        (404, "Cannot POST /v1/v1/chat/completions"),
        (404, "Invalid URL (POST /v1/v1/chat/completions)"),
        (404, "<html><body>nothing is to be found here</body></html>"),
        (405, "Method Not Allowed"),
        (429, "Too many tokens"),
        (500, "Internal error"),
    ] {
        assert_eq!(
            Rejection::read(status, &[], sentence, None),
            None,
            "{status} {sentence}"
        );
    }
}

#[test]
fn what_is_not_there_is_the_model() {
    for sentence in [
        "Function 'ab12': Not found for account 'x'",
        "No allowed providers are available for the selected model.",
        "No endpoints found that support this.",
        "models/gemini-9 is not found for API version v1beta",
        "Could not find what you asked for",
    ] {
        let rejection = Rejection::read(404, &[], sentence, None);
        assert_eq!(rejection.map(|it| it.reason), Some(ModelNotFound), "{sentence}");
    }
}

#[test]
fn a_sentence_that_cannot_be_shown_is_replaced_by_ours() {
    let page = Rejection::read(400, &[], "<html><body>Bad Request</body></html>", None).unwrap();
    assert_eq!(page.detail, "The model's provider does not accept the request.");
    let large = Rejection::read(413, &[], "", None).unwrap();
    assert_eq!((large.reason, large.detail.as_str()), (TooLarge, TooLarge.sentence()));
}
