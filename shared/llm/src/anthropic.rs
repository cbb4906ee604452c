//! The adapter for Anthropic's Messages (<https://docs.anthropic.com/en/api/messages-streaming>).

use futures::{FutureExt as _, future::BoxFuture};
use model::Secret;
use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};

use crate::call::{Answer, ErrorBody, Frames, Line, Progress, Vendor, parse};
use crate::chat::{ChatRequest, FinishReason, Message, ModelInfo, Usage};
use crate::sse::Event;
use crate::{InvalidBaseUrl, ModelError, TimeLimits};

/// The version of the API, as its header names it.
const VERSION: &str = "2023-06-01";
/// Models that refuse every temperature but their own.
const WITHOUT_TEMPERATURE: [&str; 3] = ["claude-opus-4-7", "claude-opus-4-8", "claude-opus-5"];

/// A model of Anthropic.
#[derive(Debug, Clone)]
pub struct Anthropic {
    line: Line,
}

impl Anthropic {
    /// A model at `base_url`, without the version: `https://api.anthropic.com`.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let line = Line::new(info, base_url, &["v1", "messages"], api_key, http)?;
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
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    messages: Vec<&'a Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
}

/// An event. Those we do not know may come at any time.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        content_block: Piece,
    },
    ContentBlockDelta {
        delta: Piece,
    },
    MessageDelta {
        delta: Stop,
        #[serde(default)]
        usage: Option<WireUsage>,
    },
    MessageStop,
    Error {
        error: serde_json::Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    usage: Option<WireUsage>,
}

/// A block as it begins, or what is added to it.
#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    /// Thinking that Anthropic keeps to itself (`redacted_thinking`).
    #[serde(default)]
    data: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Stop {
    #[serde(default)]
    stop_reason: Option<String>,
}

/// Tokens as Anthropic counts them: what came out of a cache or went into it stands beside the input, and what is
/// written is the sum so far.
#[derive(Deserialize, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "they are the vendor's names")]
struct WireUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
}

impl WireUsage {
    /// The count so far, with what this event says anew.
    fn onto(self, known: Usage) -> Usage {
        let input = known.prompt_tokens - known.cached_tokens - known.cache_write_tokens;
        let input = self.input_tokens.unwrap_or(input);
        let cached_tokens = self.cache_read_input_tokens.unwrap_or(known.cached_tokens);
        let cache_write_tokens = self.cache_creation_input_tokens.unwrap_or(known.cache_write_tokens);
        Usage {
            prompt_tokens: input.saturating_add(cached_tokens).saturating_add(cache_write_tokens),
            cached_tokens,
            cache_write_tokens,
            completion_tokens: self.output_tokens.unwrap_or(known.completion_tokens),
            ..known
        }
    }
}

impl Vendor for Anthropic {
    fn line(&self) -> &Line {
        &self.line
    }

    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>> {
        let takes_temperature = !WITHOUT_TEMPERATURE.iter().any(|model| request.model.starts_with(model));
        let body = Body {
            model: &request.model,
            max_tokens: request.max_tokens,
            system,
            // An empty message is refused.
            messages: request
                .messages
                .iter()
                .filter(|message| !message.content.trim().is_empty())
                .collect(),
            // Ours goes to 2, theirs to 1.
            temperature: request
                .temperature
                .filter(|_| takes_temperature)
                .map(|temperature| temperature.min(1.0)),
            stream: true,
        };
        let call = self.line.http.post(self.line.endpoint.clone()).json(&body);
        let call = call
            .header("x-api-key", self.line.key())
            .header("anthropic-version", VERSION);
        async { Ok(call) }.boxed()
    }

    fn frames(&self) -> Frames {
        Frames::text()
    }

    fn read(&self, event: &Event, answer: &mut Answer) -> Result<Progress, ModelError> {
        Ok(match parse(event)? {
            Said::MessageStart { message } => {
                if let Some(usage) = message.usage {
                    answer.count_prompt(usage.onto(Usage::default()));
                }
                Progress::Nothing
            }
            Said::ContentBlockStart { content_block: piece } | Said::ContentBlockDelta { delta: piece } => {
                match piece.thinking {
                    Some(thought) => answer.thought(Some(&thought)),
                    None if piece.data.is_some() => answer.hidden_thought(),
                    None => answer.text(piece.text),
                }
            }
            Said::MessageDelta { delta, usage } => {
                if let Some(reason) = delta.stop_reason {
                    answer.finish(finish_reason(&reason));
                }
                if let Some(usage) = usage {
                    answer.count(usage.onto(answer.counted()));
                }
                Progress::Nothing
            }
            Said::MessageStop => Progress::End,
            Said::Error { error } => return Err(ErrorBody::of(&error).into_error(200, self.line.key())),
            Said::Other => Progress::Nothing,
        })
    }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

#[cfg(test)]
mod tests;
