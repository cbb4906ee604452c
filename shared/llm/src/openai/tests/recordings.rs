//! Recordings of vendors' responses.

/// Recorded from `api.openai.com` (gpt-3.5-turbo-0125, October 2025) with `include_usage`, from a tracing tool's public
/// test suite; three of the text frames are left out. `obfuscation` is padding against traffic analysis.
pub(crate) const OPENAI: &str = concat!(
    r#"data: {"id":"chatcmpl-CVFjOTBIgA3kuQLnIXXxtg7Ge7hbs","object":"chat.completion.chunk","created":1761564674,"model":"gpt-3.5-turbo-0125","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"kSx18"}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-CVFjOTBIgA3kuQLnIXXxtg7Ge7hbs","object":"chat.completion.chunk","created":1761564674,"model":"gpt-3.5-turbo-0125","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"Gpkah"}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-CVFjOTBIgA3kuQLnIXXxtg7Ge7hbs","object":"chat.completion.chunk","created":1761564674,"model":"gpt-3.5-turbo-0125","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"content":"?"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"2c6Xq1"}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-CVFjOTBIgA3kuQLnIXXxtg7Ge7hbs","object":"chat.completion.chunk","created":1761564674,"model":"gpt-3.5-turbo-0125","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null,"obfuscation":"a"}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-CVFjOTBIgA3kuQLnIXXxtg7Ge7hbs","object":"chat.completion.chunk","created":1761564674,"model":"gpt-3.5-turbo-0125","service_tier":"default","system_fingerprint":null,"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"obfuscation":"8618FsxJD2gV"}"#,
    "\n\ndata: [DONE]\n\n",
);

/// Groq's last frame (gemma2-9b-it, October 2024), from the tests of the public `ai` SDK, after a text frame of the
/// same form: the counts are in `x_groq`.
pub(crate) const GROQ: &str = concat!(
    r#"data: {"id":"chatcmpl-e7f8e220-656c-4455-a132-dacfc1370798","object":"chat.completion.chunk","created":1729171479,"model":"gemma2-9b-it","system_fingerprint":"fp_10c08bf97d","choices":[{"index":0,"delta":{"content":"Grüße 🍵 東京"},"logprobs":null,"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-e7f8e220-656c-4455-a132-dacfc1370798","object":"chat.completion.chunk","created":1729171479,"model":"gemma2-9b-it","system_fingerprint":"fp_10c08bf97d","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"x_groq":{"id":"req_01jadadp0femyae9kav1gpkhe8","usage":{"queue_time":0.061348671,"prompt_tokens":18,"prompt_time":0.000211569,"completion_tokens":439,"completion_time":0.798181818,"total_tokens":457,"total_time":0.798393387}}}"#,
    "\n\ndata: [DONE]\n\n",
);

/// The frames that Azure documents for its asynchronous content filter
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming>): some only annotate, before and
/// after the text.
pub(crate) const AZURE: &str = concat!(
    r#"data: {"id":"","object":"","created":0,"model":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}],"choices":[],"usage":null}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-7rCNsVeZy0PGnX3H6jK8STps5nZUY","object":"chat.completion.chunk","created":1692913344,"model":"gpt-35-turbo","choices":[{"index":0,"finish_reason":null,"delta":{"content":"Color"}}],"usage":null}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-7rCNsVeZy0PGnX3H6jK8STps5nZUY","object":"chat.completion.chunk","created":1692913344,"model":"gpt-35-turbo","choices":[{"index":0,"finish_reason":"content_filter","delta":{}}],"usage":null}"#,
    "\n\n",
    r#"data: {"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{},"content_filter_raw":[],"content_filter_offsets":{"check_offset":506,"start_offset":44,"end_offset":571}}],"usage":null}"#,
    "\n\ndata: [DONE]\n\n",
);

/// `OpenRouter` sends comments as signs of life, and thoughts beside the text
/// (<https://openrouter.ai/docs/api-reference/streaming>).
pub(crate) const OPENROUTER: &str = concat!(
    ": OPENROUTER PROCESSING\r\n\r\n",
    r#"data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"The user greets.","reasoning_content":"The user greets."},"finish_reason":null}]}"#,
    "\r\n\r\n: OPENROUTER PROCESSING\r\n\r\n",
    r#"data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}"#,
    "\r\n\r\n",
    r#"data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop","native_finish_reason":"stop"}]}"#,
    "\r\n\r\ndata: [DONE]\r\n\r\n",
);

/// An error in the middle of a stream, as `OpenRouter` documents it
/// (<https://openrouter.ai/docs/api-reference/errors>).
pub(crate) const ERROR_INSIDE: &str = concat!(
    r#"data: {"id":"gen-2","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"gen-2","object":"chat.completion.chunk","created":1,"model":"m","provider":"p","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
    "\n\n",
);

/// An error about exhausted credit, as users of `api.openai.com` report it.
pub(crate) const INSUFFICIENT_QUOTA: &str = r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
