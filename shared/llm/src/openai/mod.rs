//! The adapter for every service that implements `OpenAI`'s Chat Completions.

#[cfg(test)]
mod tests;
mod wire;

use domain::Secret;
use futures::{FutureExt as _, future::BoxFuture};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::call::{Answer, ErrorBody, Frames, Progress, ProviderClient, Vendor};
use crate::chat::{ChatRequest, ModelInfo};
use crate::lenient::{Words, field, first, is_empty, words};
use crate::parameters::is_openai_reasoning;
use crate::{InvalidBaseUrl, ModelError, TimeLimits};
use wire::Body;

/// A model behind an `OpenAI`-compatible API: `OpenAI` itself, Azure, Groq, `OpenRouter`, Ollama, llama.cpp, vLLM.
///
/// Answers are streamed. Nothing is retried: the caller knows whether that is appropriate.
#[derive(Debug, Clone)]
pub struct OpenAiCompatible {
    client: ProviderClient,
    is_azure: bool,
}

impl OpenAiCompatible {
    /// Creates a model at `base_url`, for example `https://api.openai.com/v1`; a query stays. An empty key is not sent,
    /// as for local servers. The client comes from [`TimeLimits::http_client`].
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let client = ProviderClient::new(info, base_url, &["chat", "completions"], api_key, http)?;
        Ok(Self {
            client,
            is_azure: false,
        })
    }

    /// Creates a model of an Azure `OpenAI` deployment named after the model's ID, at `https://NAME.openai.azure.com`.
    pub fn azure(
        info: ModelInfo,
        endpoint: &str,
        api_version: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let deployment = info.id.clone();
        let path = ["openai", "deployments", &deployment, "chat", "completions"];
        let mut client = ProviderClient::new(info, endpoint, &path, api_key, http)?;
        client
            .endpoint
            .query_pairs_mut()
            .append_pair("api-version", api_version);
        Ok(Self { client, is_azure: true })
    }

    /// Returns the model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.client.limits = limits;
        self
    }

    /// Reads the beginning or the end of an answer in the format of the Responses API.
    fn read_response(&self, chunk: &Value, answer: &mut Answer) -> Result<Progress, ModelError> {
        let response = &chunk["response"];
        answer.count(&response["usage"]);
        let reason = match response["incomplete_details"]["reason"].as_str() {
            Some("max_output_tokens") => "length",
            Some("content_filter") => "content_filter",
            _ => "stop",
        };
        match chunk["type"].as_str() {
            Some("response.failed") => Err(ErrorBody::of(&response["error"]).into_error(200, self.client.key())),
            Some("response.completed" | "response.incomplete") => {
                answer.finish(&Value::from(reason))?;
                Ok(Progress::End)
            }
            _ => Ok(Progress::Nothing),
        }
    }

    /// Returns whether the model takes the parameters of `OpenAI`'s reasoning models, at any provider.
    fn is_reasoning(&self) -> bool {
        is_openai_reasoning(&self.client.info.id, self.is_azure)
    }
}

impl Vendor for OpenAiCompatible {
    fn client(&self) -> &ProviderClient {
        &self.client
    }

    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>> {
        let body = Body::new(request, system, self.is_reasoning());
        let mut call = self.client.http.post(self.client.endpoint.clone()).json(&body);
        let key = self.client.key();
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

    fn read(&self, _: &str, chunk: &Value, answer: &mut Answer) -> Result<Progress, ModelError> {
        // Counts in Ollama's own protocol.
        answer.count(chunk);
        answer.count(field(chunk, &["usage"]));
        // Counts of Groq.
        answer.count(&chunk["x_groq"]["usage"]);
        // We request one choice only. Ollama's own protocol has none.
        let choice = match (first(&chunk["choices"]), first(&chunk["output"]["choices"])) {
            (Value::Null, Value::Null) if !is_empty(&chunk["output"]["text"]) => &chunk["output"],
            // `{"type": "response.completed", "response": {...}}`: all text arrived in pieces.
            (Value::Null, Value::Null) if chunk["response"].is_object() => return self.read_response(chunk, answer),
            (Value::Null, Value::Null) => chunk,
            (Value::Null, choice) | (choice, _) => choice,
        };
        answer.finish(field(
            choice,
            &["finish_reason", "finishReason", "stop_reason", "done_reason"],
        ))?;
        let read = match chunk["type"].as_str() {
            Some("response.output_text.delta") | None => read_piece(&choice["delta"], answer),
            Some("response.reasoning_text.delta" | "response.reasoning_summary_text.delta") => {
                answer.thought(choice["delta"].as_str())
            }
            // Other events of the Responses API repeat the pieces.
            Some(kind) if kind.starts_with("response.") => return Ok(Progress::Nothing),
            Some(_) => read_piece(&choice["delta"], answer),
        };
        if !matches!(read, Progress::Nothing) {
            return Ok(read);
        }
        let message = field(choice, &["message", "text", "response", "generated_text"]);
        Ok(match refusal(message) {
            Some(refusal) if words(message).is_empty() => answer.refusal(refusal.to_owned()),
            _ => answer.message(message_words(message)),
        })
    }
}

/// Reads an addition to the message.
fn read_piece(delta: &Value, answer: &mut Answer) -> Progress {
    let piece = message_words(delta);
    match refusal(delta) {
        // The model declines, in place of the content.
        Some(refusal) if piece.text.is_empty() => answer.refusal(refusal.to_owned()),
        _ => answer.piece(piece),
    }
}

fn refusal(message: &Value) -> Option<&str> {
    message["refusal"].as_str().filter(|text| !text.is_empty())
}

/// Returns the text of a message, or of an addition to one. Thinking is named `reasoning_content` by `DeepSeek` and
/// llama.cpp and `reasoning` by `OpenRouter` and vLLM, which also sends it in parts; some send both.
fn message_words(message: &Value) -> Words {
    let content = match message {
        Value::Object(fields) => fields
            .get("content")
            .or_else(|| fields.get("text"))
            .unwrap_or(&Value::Null),
        other => other,
    };
    let mut said = words(content);
    if said.thought.is_empty() {
        let thought = words(field(
            message,
            &["reasoning_content", "reasoning", "thinking", "reasoning_details"],
        ));
        said.thought = thought.text + &thought.thought;
    }
    said
}
