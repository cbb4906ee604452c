//! Chat Completions on the wire (<https://platform.openai.com/docs/api-reference/chat>): only what we send and read.

use serde::{Deserialize, Serialize};

use super::is_reasoning;
use crate::chat::{ChatRequest, ReasoningEffort, Role, Usage};
use crate::profiles::Profile;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<ReasoningEffort>,
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
            reasoning_effort: request
                .reasoning_effort
                .filter(|_| Profile::of(&request.model).takes_effort),
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
    content: Option<Content>,
    /// The model declines; it stands where the content would.
    #[serde(default)]
    refusal: Option<String>,
    /// Thinking that is not part of the answer, as `DeepSeek` and llama.cpp call it.
    #[serde(default)]
    reasoning_content: Option<String>,
    /// The same, as `OpenRouter` and vLLM call it.
    #[serde(default)]
    reasoning: Option<String>,
    /// The same once more, in parts, as `OpenRouter` has it
    /// (<https://openrouter.ai/docs/use-cases/reasoning-tokens>).
    #[serde(default)]
    reasoning_details: Option<Vec<ReasoningDetail>>,
}

/// What is added to the message: a text, or parts of which some are thinking, as Mistral has them
/// (<https://docs.mistral.ai/capabilities/reasoning>).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Debug, Deserialize)]
struct ContentPart {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<Thinking>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Thinking {
    Text(String),
    Parts(Vec<ContentPart>),
}

/// A part of the thinking, or the sum of one; some are encrypted and hold neither.
#[derive(Debug, Deserialize)]
struct ReasoningDetail {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    summary: Option<String>,
}

impl Thinking {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        }
    }
}

impl Delta {
    /// The next words of the answer.
    pub(super) fn text(&self) -> String {
        let text = match &self.content {
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
            None => String::new(),
        };
        if text.is_empty() {
            return self.refusal.clone().unwrap_or_default();
        }
        text
    }

    /// The next words of the thinking. Some servers say them under two names.
    pub(super) fn thinking(&self) -> String {
        let said = [&self.reasoning_content, &self.reasoning].into_iter().flatten();
        if let Some(said) = said.into_iter().find(|said| !said.is_empty()) {
            return said.clone();
        }
        let details = self.reasoning_details.iter().flatten();
        let details = details.filter_map(|detail| detail.text.as_deref().or(detail.summary.as_deref()));
        let parts = match &self.content {
            Some(Content::Parts(parts)) => parts.as_slice(),
            _ => &[],
        };
        let parts = parts.iter().filter_map(|part| part.thinking.as_ref());
        details.map(str::to_owned).chain(parts.map(Thinking::text)).collect()
    }
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
    #[serde(default)]
    total_tokens: Option<u64>,
}

impl WireUsage {
    fn reasoning_tokens(&self) -> u64 {
        let details = self.completion_tokens_details;
        details.and_then(|details| details.reasoning_tokens).unwrap_or_default()
    }

    /// What was written, thinking included. xAI counts thinking beside `completion_tokens`, which its sum shows.
    fn completion_tokens(&self) -> u64 {
        let (said, reasoning) = (self.completion_tokens.unwrap_or_default(), self.reasoning_tokens());
        let both = said.saturating_add(reasoning);
        let is_beside = self.total_tokens == Some(self.prompt_tokens.unwrap_or_default().saturating_add(both));
        if is_beside || reasoning > said { both } else { said }
    }
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
            completion_tokens: wire.completion_tokens(),
            cached_tokens: cached.or(wire.prompt_cache_hit_tokens).unwrap_or_default(),
            cache_write_tokens: prompt
                .and_then(|details| details.cache_write_tokens)
                .unwrap_or_default(),
            reasoning_tokens: wire.reasoning_tokens(),
            estimated: false,
        }
    }
}
