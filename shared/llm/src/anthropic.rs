//! The adapter for Anthropic's Messages API (<https://docs.anthropic.com/en/api/messages-streaming>).

use domain::Secret;
use futures::{FutureExt as _, future::BoxFuture};
use reqwest::RequestBuilder;
use serde::Serialize;
use serde_json::Value;

use crate::call::{Answer, Frames, Progress, ProviderClient, Vendor};
use crate::chat::{ChatRequest, Image, Message, ModelInfo, Role};
use crate::lenient::{field, word, words};
use crate::{InvalidBaseUrl, ModelError, TimeLimits};

/// The API version, sent as a header.
const VERSION: &str = "2023-06-01";
/// Models that accept only their default temperature.
const WITHOUT_TEMPERATURE: [&str; 3] = ["claude-opus-4-7", "claude-opus-4-8", "claude-opus-5"];

/// An Anthropic model.
#[derive(Debug, Clone)]
pub struct Anthropic {
    client: ProviderClient,
}

impl Anthropic {
    /// Creates a model at `base_url`, without the version: `https://api.anthropic.com`.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let client = ProviderClient::new(info, base_url, &["v1", "messages"], api_key, http)?;
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
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    messages: Vec<BodyMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
}

#[derive(Serialize)]
struct BodyMessage<'a> {
    role: Role,
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Blocks(Vec<Block<'a>>),
}

/// <https://docs.anthropic.com/en/docs/build-with-claude/vision>
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Image { source: ImageSource },
    Text { text: &'a str },
}

#[derive(Serialize)]
struct ImageSource {
    #[serde(rename = "type")]
    kind: &'static str,
    media_type: &'static str,
    data: String,
}

impl<'a> From<&'a Message> for BodyMessage<'a> {
    fn from(message: &'a Message) -> Self {
        let text = message.content.as_str();
        let content = if message.images.is_empty() {
            Content::Text(text)
        } else {
            let image = |image: &Image| Block::Image {
                source: ImageSource {
                    kind: "base64",
                    media_type: Image::MEDIA_TYPE,
                    data: image.base64(),
                },
            };
            let images = message.images.iter().map(image);
            Content::Blocks(images.chain([Block::Text { text }]).collect())
        };
        Self {
            role: message.role,
            content,
        }
    }
}

impl Vendor for Anthropic {
    fn client(&self) -> &ProviderClient {
        &self.client
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
            messages: request.messages.iter().map(BodyMessage::from).collect(),
            // Ours ranges to 2, theirs to 1.
            temperature: request
                .temperature
                .filter(|_| takes_temperature)
                .map(|temperature| temperature.min(1.0)),
            stream: true,
        };
        let call = self.client.http.post(self.client.endpoint.clone()).json(&body);
        let call = call
            .header("x-api-key", self.client.key())
            .header("anthropic-version", VERSION);
        async { Ok(call) }.boxed()
    }

    fn frames(&self) -> Frames {
        Frames::text()
    }

    /// Unknown events may arrive at any time. Counts of the answer are sums so far.
    fn read(&self, name: &str, value: &Value, answer: &mut Answer) -> Result<Progress, ModelError> {
        Ok(match word(&value["type"]).unwrap_or(name) {
            "message_start" => {
                let message = &value["message"];
                answer.count_prompt(&message["usage"]);
                answer.piece(words(&message["content"]))
            }
            "content_block_start" | "content_block_delta" => {
                let piece = field(value, &["delta", "content_block", "message"]);
                let piece = if piece.is_null() {
                    field(value, &["text"])
                } else {
                    piece
                };
                // Thinking that Anthropic does not disclose.
                if piece["type"] == "redacted_thinking" {
                    return Ok(answer.hidden_thought());
                }
                answer.piece(words(piece))
            }
            "message_delta" => {
                answer.finish(&value["delta"]["stop_reason"])?;
                answer.count(field(value, &["usage"]));
                Progress::Nothing
            }
            "message_stop" => Progress::End,
            // The whole answer in one piece.
            "message" => {
                answer.finish(&value["stop_reason"])?;
                answer.count(&value["usage"]);
                answer.message(words(&value["content"]))
            }
            _ => Progress::Nothing,
        })
    }
}

#[cfg(test)]
mod tests;
