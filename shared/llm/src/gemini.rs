//! The adapter for Gemini (<https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>).
//!
//! A stream has no end mark: the last event has a finish reason, and the response ends.

use domain::Secret;
use futures::{FutureExt as _, future::BoxFuture};
use reqwest::RequestBuilder;
use serde::Serialize;
use serde_json::Value;

use crate::call::{Answer, Frames, Progress, ProviderClient, Vendor};
use crate::chat::{ChatRequest, Image, ModelInfo, ReasoningEffort, Role};
use crate::lenient::{field, first, words};
use crate::profiles::Profile;
use crate::{InvalidBaseUrl, ModelError, TimeLimits};

/// A Google Gemini model.
#[derive(Debug, Clone)]
pub struct Gemini {
    client: ProviderClient,
}

impl Gemini {
    /// Creates a model at `base_url`, with the version: `https://generativelanguage.googleapis.com/v1beta`.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let operation = format!("{}:streamGenerateContent", info.id);
        let mut client = ProviderClient::new(info, base_url, &["models", &operation], api_key, http)?;
        client.endpoint.query_pairs_mut().append_pair("alt", "sse");
        Ok(Self { client })
    }

    /// Returns the model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.client.limits = limits;
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
    parts: Vec<Part<'a>>,
}

/// <https://ai.google.dev/api/caching#Part>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Part<'a> {
    InlineData(Blob),
    Text(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    mime_type: &'static str,
    data: String,
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
    /// Thoughts are signs of life, and the user may want to see them.
    include_thoughts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

impl ThinkingConfig {
    /// Returns the configuration for a model that thinks; `None` for others, which refuse one. The budgets and levels
    /// are those of Google's own `OpenAI` compatibility (<https://ai.google.dev/gemini-api/docs/openai#thinking>).
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
                // Pro models cannot disable thinking.
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

fn content<'a>(role: Option<&'static str>, text: &'a str, images: &[Image]) -> Content<'a> {
    let image = |image: &Image| {
        Part::InlineData(Blob {
            mime_type: Image::MEDIA_TYPE,
            data: image.base64(),
        })
    };
    Content {
        role,
        parts: images.iter().map(image).chain([Part::Text(text)]).collect(),
    }
}

impl Vendor for Gemini {
    fn client(&self) -> &ProviderClient {
        &self.client
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
            system_instruction: system.map(|text| content(None, text, &[])),
            contents: messages
                .map(|message| content(Some(role(message.role)), &message.content, &message.images))
                .collect(),
            generation_config: GenerationConfig {
                max_output_tokens: request.max_tokens,
                temperature: request.temperature,
                thinking_config: ThinkingConfig::of(request),
            },
        };
        let call = self.client.http.post(self.client.endpoint.clone()).json(&body);
        // Not in the query, where intermediaries would log it.
        let call = call.header("x-goog-api-key", self.client.key());
        async { Ok(call) }.boxed()
    }

    fn frames(&self) -> Frames {
        Frames::text()
    }

    /// Each event is a response of its own with the next piece and the tokens so far.
    fn read(&self, _: &str, chunk: &Value, answer: &mut Answer) -> Result<Progress, ModelError> {
        answer.count(field(chunk, &["usageMetadata", "usage_metadata"]));
        let feedback = field(chunk, &["promptFeedback", "prompt_feedback"]);
        if let Some(reason) = field(feedback, &["blockReason", "block_reason"]).as_str() {
            tracing::debug!(reason, "model.blocked");
            answer.block();
        }
        let candidate = first(&chunk["candidates"]);
        answer.finish(field(candidate, &["finishReason", "finish_reason"]))?;
        let content = field(candidate, &["content", "output", "text"]);
        Ok(answer.piece(words(content)))
    }
}

#[cfg(test)]
mod tests;
