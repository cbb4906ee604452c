//! The vendors' protocols, as they document them.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;

use serde_json::{Value, json};

use crate::{Counts, Finish, ThinkingStyle};

/// Whose protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Chat Completions of `OpenAI`, Azure and compatible servers.
    OpenAi,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
    /// Amazon Bedrock's Converse.
    Bedrock,
    /// `OpenAI`'s embeddings.
    Embeddings,
}

/// What a call wants.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// Whose protocol it speaks.
    pub protocol: Protocol,
    /// The model.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a streamed answer is to say its tokens; only `OpenAI` leaves that open.
    pub wants_usage: bool,
    /// The longest answer it takes, in tokens.
    pub max_tokens: Option<u64>,
    /// All texts that are to be read, system prompt first.
    pub texts: Vec<String>,
    /// All JPEG images, in base64, where and as the protocol takes them; others are not seen.
    pub images: Vec<String>,
}

impl Protocol {
    /// Reads a body; `model` and `stream` are from the path where the protocol has them there.
    pub(crate) fn asked(self, body: &Value, model: Option<&str>, stream: Option<bool>) -> ReceivedRequest {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (system, messages, limit) = match self {
            Self::OpenAi => (None, "messages", "max_tokens"),
            Self::Embeddings => (None, "input", ""),
            Self::Anthropic => (Some("system"), "messages", "max_tokens"),
            Self::Gemini => (Some("systemInstruction"), "contents", ""),
            Self::Bedrock => (Some("system"), "messages", ""),
        };
        let limit = match self {
            Self::OpenAi => [&body[limit], &body["max_completion_tokens"]]
                .into_iter()
                .find_map(Value::as_u64),
            Self::Gemini => body["generationConfig"]["maxOutputTokens"].as_u64(),
            Self::Bedrock => body["inferenceConfig"]["maxTokens"].as_u64(),
            _ => body[limit].as_u64(),
        };
        let mut texts = Vec::new();
        for name in system.into_iter().chain([messages]) {
            collect(&body[name], &mut texts);
        }
        ReceivedRequest {
            protocol: self,
            model: model.map_or_else(|| text(&body["model"]), str::to_owned),
            stream: stream.unwrap_or_else(|| body["stream"] == true),
            wants_usage: self != Self::OpenAi || body["stream_options"]["include_usage"] == true,
            max_tokens: limit,
            texts,
            images: self.images(&body[messages]),
        }
    }

    fn images(self, messages: &Value) -> Vec<String> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let parts = list(messages).into_iter().flat_map(|message| {
            let name = if self == Self::Gemini { "parts" } else { "content" };
            list(&message[name])
        });
        let image = |part: Value| {
            let (is_jpeg, data) = match self {
                Self::OpenAi => {
                    let url = part["image_url"]["url"].as_str()?.to_owned();
                    let data = url.strip_prefix("data:image/jpeg;base64,")?;
                    (part["type"] == "image_url", json!(data))
                }
                Self::Anthropic => {
                    let source = &part["source"];
                    let is_jpeg = source["type"] == "base64" && source["media_type"] == "image/jpeg";
                    (part["type"] == "image" && is_jpeg, source["data"].clone())
                }
                Self::Gemini => {
                    let data = &part["inlineData"];
                    (data["mimeType"] == "image/jpeg", data["data"].clone())
                }
                Self::Bedrock => {
                    let image = &part["image"];
                    (image["format"] == "jpeg", image["source"]["bytes"].clone())
                }
                Self::Embeddings => return None,
            };
            data.as_str().filter(|_| is_jpeg).map(str::to_owned)
        };
        parts.filter_map(image).collect()
    }

    /// Content type of a stream.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Bedrock => "application/vnd.amazon.eventstream",
            _ => "text/event-stream; charset=utf-8",
        }
    }

    /// What a stream begins with.
    pub(crate) fn begin(self, model: &str, counts: Counts) -> Vec<u8> {
        match self {
            Self::OpenAi | Self::Embeddings => openai::begin(model),
            Self::Anthropic => anthropic::begin(model, counts),
            Self::Gemini => Vec::new(),
            Self::Bedrock => bedrock::begin(),
        }
    }

    /// A piece of the answer, or of reasoning in a style.
    pub(crate) fn piece(self, model: &str, text: &str, style: Option<ThinkingStyle>) -> Vec<u8> {
        let is_thought = style.is_some();
        match self {
            Self::OpenAi | Self::Embeddings => openai::piece(model, text, style),
            Self::Anthropic => anthropic::piece(text, is_thought),
            Self::Gemini => gemini::piece(model, text, is_thought),
            Self::Bedrock => bedrock::piece(text, is_thought),
        }
    }

    /// A sign of life.
    pub(crate) fn ping(self) -> Vec<u8> {
        match self {
            Self::Anthropic => anthropic::ping(),
            Self::Bedrock => Vec::new(),
            _ => b": alive\n\n".to_vec(),
        }
    }

    /// An error inside a stream.
    pub(crate) fn error(self, code: &str) -> Vec<u8> {
        match self {
            Self::OpenAi | Self::Embeddings => openai::error(code),
            Self::Anthropic => anthropic::error(code),
            Self::Gemini => gemini::error(code),
            Self::Bedrock => bedrock::error(code),
        }
    }

    /// An event with any data.
    pub(crate) fn any(self, data: &Value) -> Vec<u8> {
        match self {
            Self::Bedrock => binary_event("chunk", &data.to_string()),
            _ => event(None, data),
        }
    }

    /// What a stream ends with.
    pub(crate) fn end(self, model: &str, finish: Finish, counts: Option<Counts>) -> Vec<u8> {
        match self {
            Self::OpenAi | Self::Embeddings => openai::end(model, finish, counts),
            Self::Anthropic => anthropic::end(finish, counts),
            Self::Gemini => gemini::end(model, finish, counts),
            Self::Bedrock => bedrock::end(finish, counts),
        }
    }

    /// An answer that is not streamed.
    pub(crate) fn whole(self, model: &str, thinking: &str, text: &str, finish: Finish, counts: Counts) -> Value {
        match self {
            Self::OpenAi | Self::Embeddings => openai::whole(model, thinking, text, finish, counts),
            Self::Anthropic => anthropic::whole(model, thinking, text, finish, counts),
            Self::Gemini => gemini::whole(model, thinking, text, finish, counts),
            Self::Bedrock => bedrock::whole(thinking, text, finish, counts),
        }
    }

    /// The body of a refusal.
    pub(crate) fn refusal(self, status: u16, code: &str) -> Value {
        match self {
            Self::OpenAi | Self::Embeddings => openai::refusal(code),
            Self::Anthropic => anthropic::refusal(code),
            Self::Gemini => gemini::refusal(status, code),
            Self::Bedrock => bedrock::refusal(code),
        }
    }
}

/// All texts in a value, whatever they are wrapped in.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => {
            for name in ["content", "parts", "text"] {
                collect(fields.get(name).unwrap_or(&Value::Null), texts);
            }
        }
        _ => {}
    }
}

/// An event of a binary stream.
pub(crate) fn binary_event(name: &str, data: &str) -> Vec<u8> {
    bedrock::frame("event", name, data.to_owned())
}

/// An event of a stream in text.
pub(crate) fn event(name: Option<&str>, data: &Value) -> Vec<u8> {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n").into_bytes()
}
