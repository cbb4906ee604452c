//! The adapter for Gemini (<https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>).
//!
//! A stream has no end mark: the last event gives a reason, and the response ends.

use futures::{FutureExt as _, future::BoxFuture};
use model::Secret;
use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};

use crate::call::{Answer, ErrorBody, Frames, Line, Progress, Vendor, parse};
use crate::chat::{ChatRequest, FinishReason, ModelInfo, ReasoningEffort, Role, Usage};
use crate::profiles::Profile;
use crate::sse::Event;
use crate::{InvalidBaseUrl, ModelError, TimeLimits};

/// A model of Google.
#[derive(Debug, Clone)]
pub struct Gemini {
    line: Line,
}

impl Gemini {
    /// A model at `base_url`, with the version: `https://generativelanguage.googleapis.com/v1beta`.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let operation = format!("{}:streamGenerateContent", info.id);
        let mut line = Line::new(info, base_url, &["models", &operation], api_key, http)?;
        line.endpoint.query_pairs_mut().append_pair("alt", "sse");
        Ok(Self { line })
    }

    /// The same model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.line.limits = limits;
        self
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    generation_config: GenerationConfig,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    max_output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig>,
}

/// <https://ai.google.dev/gemini-api/docs/thinking>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThinkingConfig {
    /// Thoughts are signs of life, and whoever asked may want to see them.
    include_thoughts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

impl ThinkingConfig {
    /// What a model that thinks is told; none for others, which refuse to be told anything. The budgets and levels are
    /// those of Google's own `OpenAI` compatibility (<https://ai.google.dev/gemini-api/docs/openai#thinking>).
    fn of(request: &ChatRequest) -> Option<Self> {
        use ReasoningEffort::{High, Low, Medium, Minimal, None, Xhigh};
        let profile = Profile::of(&request.model);
        let effort = request.reasoning_effort.filter(|_| profile.takes_effort);
        if profile.thinking_tokens == 0 && effort.is_none() {
            return Option::None;
        }
        let has_levels = request.model.contains("gemini-3");
        // Thoughts count as output, and the answer needs some of it.
        let most = request.max_tokens / 4 * 3;
        Some(Self {
            include_thoughts: effort != Some(None),
            thinking_budget: effort.filter(|_| !has_levels).map(|effort| match effort {
                // Pro cannot do without.
                None if request.model.contains("pro") => 128,
                None => 0,
                Minimal | Low => most.min(1_024),
                Medium => most.min(8_192),
                High | Xhigh => most.min(24_576),
            }),
            thinking_level: effort.filter(|_| has_levels).map(|effort| match effort {
                None | Minimal | Low => "low",
                Medium | High | Xhigh => "high",
            }),
        })
    }
}

/// An event: a response of its own that holds the next piece.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<WireUsage>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Option<Said>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thought: bool,
}

/// Why a prompt is not answered at all.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

/// Tokens as Gemini counts them: cached ones are part of the prompt, thoughts stand beside the candidates. Each event
/// has the sums so far.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
#[expect(clippy::struct_field_names, reason = "they are the vendor's names")]
struct WireUsage {
    prompt_token_count: u64,
    cached_content_token_count: u64,
    tool_use_prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            prompt_tokens: wire.prompt_token_count + wire.tool_use_prompt_token_count,
            completion_tokens: wire.candidates_token_count + wire.thoughts_token_count,
            cached_tokens: wire.cached_content_token_count,
            reasoning_tokens: wire.thoughts_token_count,
            ..Self::default()
        }
    }
}

fn content<'a>(role: Option<&'static str>, text: &'a str) -> Content<'a> {
    Content {
        role,
        parts: [Text { text }],
    }
}

impl Vendor for Gemini {
    fn line(&self) -> &Line {
        &self.line
    }

    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>> {
        let role = |role| match role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        let messages = request.messages.iter();
        let body = Body {
            system_instruction: system.map(|text| content(None, text)),
            contents: messages
                .map(|message| content(Some(role(message.role)), &message.content))
                .collect(),
            generation_config: GenerationConfig {
                max_output_tokens: request.max_tokens,
                temperature: request.temperature,
                thinking_config: ThinkingConfig::of(request),
            },
        };
        let call = self.line.http.post(self.line.endpoint.clone()).json(&body);
        // Not in the query, where it would be logged on the way.
        let call = call.header("x-goog-api-key", self.line.key());
        async { Ok(call) }.boxed()
    }

    fn frames(&self) -> Frames {
        Frames::text()
    }

    fn read(&self, event: &Event, answer: &mut Answer) -> Result<Progress, ModelError> {
        let chunk: Chunk = parse(event)?;
        if let Some(usage) = chunk.usage_metadata {
            answer.count(usage.into());
        }
        if let Some(error) = chunk.error {
            return Err(ErrorBody::of(&error).into_error(200, self.line.key()));
        }
        if chunk
            .prompt_feedback
            .is_some_and(|feedback| feedback.block_reason.is_some())
        {
            answer.finish(FinishReason::ContentFilter);
        }
        let Some(candidate) = chunk.candidates.into_iter().next() else {
            return Ok(Progress::Nothing);
        };
        if let Some(reason) = candidate.finish_reason {
            answer.finish(finish_reason(&reason));
        }
        let (mut text, mut thought) = (String::new(), String::new());
        for part in candidate.content.unwrap_or_default().parts {
            let target = if part.thought { &mut thought } else { &mut text };
            target.push_str(&part.text);
        }
        let thought = answer.thought(Some(&thought));
        Ok(match answer.text(Some(text)) {
            Progress::Nothing => thought,
            text => text,
        })
    }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
            FinishReason::ContentFilter
        }
        _ => FinishReason::Other,
    }
}

#[cfg(test)]
mod tests;
