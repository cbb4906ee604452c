//! The adapter for Amazon Bedrock
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>): one signed POST, whose
//! answer is framed in AWS's binary event stream. The SDK would be larger than all other adapters together.

use futures::{FutureExt as _, future::BoxFuture};
use model::Secret;
use reqwest::{RequestBuilder, Url, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::call::{Answer, ErrorBody, Frames, Line, Progress, Vendor, parse};
use crate::chat::{ChatRequest, FinishReason, ModelInfo, Role, Usage};
use crate::sse::Event;
use crate::{InvalidBaseUrl, ModelError, TimeLimits};

/// Signs a request for AWS.
pub trait Signer: Send + Sync {
    /// The headers that sign a POST of JSON; an error when there are no credentials.
    fn sign<'a>(&'a self, url: &'a str, body: &'a [u8]) -> BoxFuture<'a, Result<Vec<(String, String)>, model::Error>>;
}

/// A model of Amazon Bedrock.
#[derive(Clone)]
pub struct Bedrock {
    line: Line,
    signer: Arc<dyn Signer>,
}

impl Bedrock {
    /// A model at the endpoint of a region, such as `https://bedrock-runtime.eu-central-1.amazonaws.com`.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        signer: Arc<dyn Signer>,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let model = info.id.clone();
        let mut line = Line::new(info, base_url, &["model"], Secret::new(""), http)?;
        // An id may hold colons, and the name of a profile slashes; AWS signs them escaped.
        let escaped: String = model.bytes().map(escape).collect();
        let url = format!("{}/{escaped}/converse-stream", line.endpoint);
        line.endpoint = Url::parse(&url).map_err(|_| InvalidBaseUrl)?;
        Ok(Self { line, signer })
    }

    /// The same model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.line.limits = limits;
        self
    }
}

/// A byte of a path, as AWS writes it: all but the unreserved characters of RFC 3986 are escaped.
fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<[Text<'a>; 1]>,
    inference_config: Config,
}

#[derive(Serialize)]
struct Message<'a> {
    role: Role,
    content: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
}

#[derive(Deserialize)]
struct Piece {
    delta: Delta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    reasoning_content: Option<Reasoning>,
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ReasoningContentBlockDelta.html>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    redacted_content: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop {
    #[serde(default)]
    stop_reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    usage: Option<WireUsage>,
}

/// Tokens as Bedrock counts them: what came out of a cache or went into it stands beside the input.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "they are the vendor's names")]
struct WireUsage {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_write_input_tokens: u64,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            prompt_tokens: wire.input_tokens + wire.cache_read_input_tokens + wire.cache_write_input_tokens,
            completion_tokens: wire.output_tokens,
            cached_tokens: wire.cache_read_input_tokens,
            cache_write_tokens: wire.cache_write_input_tokens,
            ..Self::default()
        }
    }
}

impl Vendor for Bedrock {
    fn line(&self) -> &Line {
        &self.line
    }

    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>> {
        async move {
            let messages = request
                .messages
                .iter()
                .filter(|message| !message.content.trim().is_empty());
            let body = Body {
                messages: messages
                    .map(|message| Message {
                        role: message.role,
                        content: [Text { text: &message.content }],
                    })
                    .collect(),
                system: system.map(|text| [Text { text }]),
                inference_config: Config {
                    max_tokens: request.max_tokens,
                    temperature: request.temperature.map(|temperature| temperature.min(1.0)),
                },
            };
            let unfit = |error: &dyn std::fmt::Display| {
                tracing::warn!(%error, "bedrock.not_signed");
                ModelError::NotConfigured {
                    provider: self.line.info.provider.clone().into_owned(),
                }
            };
            let body = serde_json::to_vec(&body).map_err(|error| unfit(&error))?;
            let url = self.line.endpoint.as_str();
            let signature = self.signer.sign(url, &body).await.map_err(|error| unfit(&error))?;
            let mut call = self.line.http.post(url).header(CONTENT_TYPE, "application/json");
            for (name, value) in signature {
                call = call.header(name, value);
            }
            Ok(call.body(body))
        }
        .boxed()
    }

    fn frames(&self) -> Frames {
        Frames::binary()
    }

    fn read(&self, event: &Event, answer: &mut Answer) -> Result<Progress, ModelError> {
        Ok(match event.name.as_str() {
            "contentBlockDelta" => {
                let Delta {
                    text,
                    reasoning_content,
                } = parse::<Piece>(event)?.delta;
                match reasoning_content {
                    Some(Reasoning {
                        redacted_content: Some(_),
                        ..
                    }) => answer.hidden_thought(),
                    // A signature of thinking has no words.
                    Some(reasoning) => answer.thought(reasoning.text.as_deref()),
                    None => answer.text(text),
                }
            }
            "messageStop" => {
                answer.finish(finish_reason(&parse::<Stop>(event)?.stop_reason));
                Progress::Nothing
            }
            // It follows the end of the message, and nothing follows it.
            "metadata" => {
                if let Some(usage) = parse::<Metadata>(event)?.usage {
                    answer.count(usage.into());
                }
                Progress::End
            }
            name if is_failure(name) => {
                // An exception begins with a small letter inside a stream, and with a capital one elsewhere.
                let capital = name.chars().next().map(|first| first.to_ascii_uppercase());
                let word: String = capital.into_iter().chain(name.chars().skip(1)).collect();
                let said = ErrorBody::read(event.data.as_bytes()).called(&word);
                return Err(said.into_error(200, ""));
            }
            _ => Progress::Nothing,
        })
    }
}

/// Whether an event is called as AWS calls exceptions.
fn is_failure(name: &str) -> bool {
    name.ends_with("Exception") || name.ends_with("Error")
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "content_filtered" | "guardrail_intervened" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

#[cfg(test)]
mod tests;
