//! The adapter for Amazon Bedrock
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>): one signed POST whose
//! response uses AWS's binary event stream. The SDK would be larger than all other adapters together.

use domain::Secret;
use futures::{FutureExt as _, future::BoxFuture};
use reqwest::{RequestBuilder, Url, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

use crate::call::{Answer, Frames, Progress, ProviderClient, Vendor};
use crate::chat::{ChatRequest, Image, ModelInfo, Role};
use crate::lenient::{field, is_empty, words};
use crate::{InvalidBaseUrl, ModelError, TimeLimits};

/// Signs a request for AWS.
pub trait Signer: Send + Sync {
    /// Returns the headers that sign a POST of JSON, or an error if there are no credentials.
    fn sign<'a>(&'a self, url: &'a str, body: &'a [u8]) -> BoxFuture<'a, Result<Vec<(String, String)>, domain::Error>>;
}

/// An Amazon Bedrock model.
#[derive(Clone)]
pub struct Bedrock {
    client: ProviderClient,
    signer: Arc<dyn Signer>,
}

impl Bedrock {
    /// Creates a model at the endpoint of a region, such as `https://bedrock-runtime.eu-central-1.amazonaws.com`.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        signer: Arc<dyn Signer>,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let model = info.id.clone();
        let mut client = ProviderClient::new(info, base_url, &["model"], Secret::new(""), http)?;
        client.endpoint = operation_of(&client.endpoint, &model, "converse-stream")?;
        Ok(Self { client, signer })
    }

    /// Returns the model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.client.limits = limits;
        self
    }
}

/// Returns the URL of an operation of a model. An ID may contain colons, and the name of a profile slashes; AWS signs them
/// escaped.
pub(crate) fn operation_of(models: &Url, id: &str, operation: &str) -> Result<Url, InvalidBaseUrl> {
    let escaped: String = id.bytes().map(escape).collect();
    Url::parse(&format!("{models}/{escaped}/{operation}")).map_err(|_| InvalidBaseUrl)
}

/// Returns a signed POST of a JSON body.
pub(crate) async fn signed(
    client: &ProviderClient,
    signer: &dyn Signer,
    body: Vec<u8>,
) -> Result<RequestBuilder, ModelError> {
    let url = client.endpoint.as_str();
    let signature = signer
        .sign(url, &body)
        .await
        .map_err(|error| not_signed(client, &error))?;
    let mut call = client.http.post(url).header(CONTENT_TYPE, "application/json");
    for (name, value) in signature {
        call = call.header(name, value);
    }
    Ok(call.body(body))
}

fn not_signed(client: &ProviderClient, error: &dyn std::fmt::Display) -> ModelError {
    tracing::warn!(%error, "bedrock.not_signed");
    ModelError::NotConfigured {
        provider: client.info.provider,
    }
}

/// Escapes a byte of a path as AWS does: all but the unreserved characters of RFC 3986.
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
    system: Option<[Block<'a>; 1]>,
    inference_config: Config,
}

#[derive(Serialize)]
struct Message<'a> {
    role: Role,
    content: Vec<Block<'a>>,
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Block<'a> {
    Image { format: &'static str, source: ImageSource },
    Text(&'a str),
}

#[derive(Serialize)]
struct ImageSource {
    bytes: String,
}

fn image<'a>(image: &Image) -> Block<'a> {
    Block::Image {
        format: Image::FORMAT,
        source: ImageSource { bytes: image.base64() },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
}

impl Vendor for Bedrock {
    fn client(&self) -> &ProviderClient {
        &self.client
    }

    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>> {
        async move {
            let body = Body {
                messages: request
                    .messages
                    .iter()
                    .map(|message| Message {
                        role: message.role,
                        content: message
                            .images
                            .iter()
                            .map(image)
                            .chain([Block::Text(&message.content)])
                            .collect(),
                    })
                    .collect(),
                system: system.map(|text| [Block::Text(text)]),
                inference_config: Config {
                    max_tokens: request.max_tokens,
                    temperature: request.temperature.map(|temperature| temperature.min(1.0)),
                },
            };
            let body = serde_json::to_vec(&body).map_err(|error| not_signed(&self.client, &error))?;
            signed(&self.client, &*self.signer, body).await
        }
        .boxed()
    }

    fn frames(&self) -> Frames {
        Frames::binary()
    }

    fn read(&self, name: &str, value: &Value, answer: &mut Answer) -> Result<Progress, ModelError> {
        Ok(match name {
            "contentBlockStart" | "contentBlockDelta" => {
                let piece = field(value, &["delta", "start", "message"]);
                let piece = if piece.is_null() {
                    field(value, &["text"])
                } else {
                    piece
                };
                if !is_empty(&piece["reasoningContent"]["redactedContent"]) {
                    return Ok(answer.hidden_thought());
                }
                answer.piece(words(piece))
            }
            "messageStop" => {
                answer.finish(&value["stopReason"])?;
                Progress::Nothing
            }
            // It follows the end of the message, and nothing follows it.
            "metadata" => {
                answer.count(field(value, &["usage"]));
                if answer.is_finished() {
                    Progress::End
                } else {
                    Progress::Nothing
                }
            }
            // The whole answer in one piece.
            _ if value.get("output").is_some() => {
                answer.finish(&value["stopReason"])?;
                answer.count(&value["usage"]);
                answer.message(words(&value["output"]["message"]))
            }
            _ => Progress::Nothing,
        })
    }
}

#[cfg(test)]
mod tests;
