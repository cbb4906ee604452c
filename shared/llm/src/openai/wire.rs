//! Chat Completions on the wire (<https://platform.openai.com/docs/api-reference/chat>): only what we send and read.

use serde::{Deserialize, Serialize};

use super::is_reasoning;
use crate::chat::{ChatRequest, Role, Usage};

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<BodyMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Debug, Serialize)]
struct BodyMessage<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> Body<'a> {
    /// The request as a body. `system` is what [`crate::prompt::system`] made of it;
    /// `completion_limit` names the limit as OpenAI's reasoning models demand it.
    pub(super) fn new(request: &'a ChatRequest, system: Option<&'a str>, completion_limit: bool) -> Self {
        let system = system.map(|content| BodyMessage {
            role: "system",
            content,
        });
        let messages = request.messages.iter().map(|message| BodyMessage {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: &message.content,
        });
        Self {
            model: &request.model,
            messages: system.into_iter().chain(messages).collect(),
            max_tokens: (!completion_limit).then_some(request.max_tokens),
            max_completion_tokens: completion_limit.then_some(request.max_tokens),
            temperature: request
                .temperature
                .filter(|_| !(completion_limit && is_reasoning(&request.model))),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
        }
    }
}

/// One frame of the stream. Unknown fields are ignored; every field may be missing or null.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub(super) choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    pub(super) error: Option<serde_json::Value>,
    /// Where Groq counts.
    #[serde(default)]
    x_groq: Option<XGroq>,
}

impl Chunk {
    pub(super) fn usage(&self) -> Option<WireUsage> {
        self.usage.or_else(|| self.x_groq.as_ref()?.usage)
    }
}

#[derive(Debug, Deserialize)]
struct XGroq {
    #[serde(default)]
    usage: Option<WireUsage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) delta: Option<Delta>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta {
    #[serde(default)]
    pub(super) content: Option<String>,
    /// The model declines; it stands where the content would.
    #[serde(default)]
    pub(super) refusal: Option<String>,
    /// Thinking that is not part of the answer, as `DeepSeek` and llama.cpp call it.
    #[serde(default)]
    pub(super) reasoning_content: Option<String>,
    /// The same, as `OpenRouter` and vLLM call it.
    #[serde(default)]
    pub(super) reasoning: Option<String>,
}

/// Tokens as `OpenAI` counts them: what is cached or reasoned is part of the sums.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    /// Where `DeepSeek` counts what it read from its cache.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    /// As `OpenRouter` passes it on.
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let prompt = wire.prompt_tokens_details;
        let cached = prompt.and_then(|details| details.cached_tokens);
        Self {
            prompt_tokens: wire.prompt_tokens.unwrap_or_default(),
            completion_tokens: wire.completion_tokens.unwrap_or_default(),
            cached_tokens: cached.or(wire.prompt_cache_hit_tokens).unwrap_or_default(),
            cache_write_tokens: prompt
                .and_then(|details| details.cache_write_tokens)
                .unwrap_or_default(),
            reasoning_tokens: wire
                .completion_tokens_details
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or_default(),
            estimated: false,
        }
    }
}
