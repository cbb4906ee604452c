//! The adapter for every service that speaks `OpenAI`'s Chat Completions.

mod embeddings;
#[cfg(test)]
mod tests;
mod wire;

use futures::{FutureExt as _, future::BoxFuture};
use model::Secret;
use reqwest::RequestBuilder;

use crate::call::{Answer, ErrorBody, Frames, Line, Progress, Vendor, parse};
use crate::chat::{ChatRequest, FinishReason, ModelInfo};
use crate::sse::Event;
use crate::{InvalidBaseUrl, ModelError, TimeLimits};
pub use embeddings::{Embedder, Embeddings, OpenAiEmbedder};
use wire::{Body, Chunk};

/// A model behind an `OpenAI`-compatible API: `OpenAI` itself, Azure, Groq, `OpenRouter`, Ollama, llama.cpp, vLLM.
///
/// Answers are streamed. Nothing is retried: whoever calls knows whether that is wise.
#[derive(Debug, Clone)]
pub struct OpenAiCompatible {
    line: Line,
    is_azure: bool,
}

impl OpenAiCompatible {
    /// A model at `base_url`, for example `https://api.openai.com/v1`; a query stays. An empty key is not sent, as
    /// local servers have none. The client comes from [`TimeLimits::http_client`].
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let line = Line::new(info, base_url, &["chat", "completions"], api_key, http)?;
        Ok(Self { line, is_azure: false })
    }

    /// A deployment of Azure `OpenAI`, called as the model's id says, at `https://NAME.openai.azure.com`.
    pub fn azure(
        info: ModelInfo,
        endpoint: &str,
        api_version: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let deployment = info.id.clone();
        let path = ["openai", "deployments", &deployment, "chat", "completions"];
        let mut line = Line::new(info, endpoint, &path, api_key, http)?;
        line.endpoint.query_pairs_mut().append_pair("api-version", api_version);
        Ok(Self { line, is_azure: true })
    }

    /// The same model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.line.limits = limits;
        self
    }

    /// `OpenAI`'s reasoning models refuse `max_tokens`; others know nothing else.
    fn has_completion_limit(&self) -> bool {
        self.line.endpoint.host_str() == Some("api.openai.com") || (self.is_azure && is_reasoning(&self.line.info.id))
    }
}

/// Whether `OpenAI` calls it a reasoning model. These take no temperature
/// (<https://platform.openai.com/docs/guides/reasoning>).
fn is_reasoning(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5"]
        .iter()
        .any(|family| model.starts_with(family))
}

impl Vendor for OpenAiCompatible {
    fn line(&self) -> &Line {
        &self.line
    }

    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>> {
        let body = Body::new(request, system, self.has_completion_limit());
        let mut call = self.line.http.post(self.line.endpoint.clone()).json(&body);
        let key = self.line.key();
        if self.is_azure {
            call = call.header("api-key", key);
        } else if !key.is_empty() {
            call = call.bearer_auth(key);
        }
        async { Ok(call) }.boxed()
    }

    fn frames(&self) -> Frames {
        Frames::text()
    }

    fn read(&self, event: &Event, answer: &mut Answer) -> Result<Progress, ModelError> {
        if event.data.trim() == "[DONE]" {
            return Ok(Progress::End);
        }
        if event.name == "error" {
            return Err(ErrorBody::read(event.data.as_bytes()).into_error(200, self.line.key()));
        }
        let chunk: Chunk = parse(event)?;
        if let Some(usage) = chunk.usage() {
            answer.count(usage.into());
        }
        if let Some(error) = chunk.error {
            return Err(ErrorBody::of(&error).into_error(200, self.line.key()));
        }
        // We never ask for more than one choice.
        let Some(choice) = chunk.choices.and_then(|choices| choices.into_iter().next()) else {
            return Ok(Progress::Nothing);
        };
        if let Some(reason) = choice.finish_reason {
            answer.finish(finish_reason(&reason));
        }
        let delta = choice.delta.unwrap_or_default();
        let thought = answer.thought(Some(&delta.thinking()));
        Ok(match answer.text(Some(delta.text())) {
            Progress::Nothing => thought,
            text => text,
        })
    }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}
