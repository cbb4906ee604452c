//! Requests of `OpenAI`'s chat API (<https://platform.openai.com/docs/api-reference/chat/create>).
//!
//! Unsupported parameters that change the answer are rejected; those that only tune it are ignored.

use app::{CompletionRequest, GenerationOptions, Message, ReasoningEffort};
use domain::{Error, Result};
use garde::Validate;
use http_api::readable_name;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Maximum number of messages in a request.
const MAX_MESSAGES: usize = 2_000;

/// A request for a chat completion.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct ChatInput {
    /// Model or alias to answer with, or a chatbot as `chatbot/<id>`.
    #[garde(length(chars, max = 200), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: String,
    /// The conversation, oldest message first.
    #[garde(length(min = 1, max = MAX_MESSAGES))]
    messages: Vec<InputMessage>,
    /// Stream the answer as events.
    pub(crate) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// Maximum length of the answer in tokens, including reasoning. If omitted, a reasoning model has additional
    /// tokens for its reasoning.
    #[garde(range(min = 1))]
    max_completion_tokens: Option<u32>,
    /// The deprecated name of `max_completion_tokens`.
    #[garde(range(min = 1))]
    max_tokens: Option<u32>,
    /// Sampling temperature.
    #[garde(range(min = 0.0, max = 2.0))]
    temperature: Option<f32>,
    /// How much the model reasons: passed to models that support it, ignored by others.
    reasoning_effort: Option<EffortInput>,
    /// Number of answers; must be 1.
    #[garde(range(min = 1, max = 1))]
    n: Option<u32>,
    /// Not supported: must be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    tools: Option<Value>,
    /// Not supported: must be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    functions: Option<Value>,
    /// Not supported: must be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    stop: Option<Value>,
    /// Not supported: must be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    audio: Option<Value>,
    /// Not supported: must be false.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    logprobs: Option<Value>,
    /// Only `{"type": "text"}` is supported.
    #[garde(inner(custom(text_only)))]
    #[schemars(with = "Option<TextFormat>")]
    response_format: Option<Value>,
}

/// How much a model reasons.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[schemars(rename = "ReasoningEffort")]
#[serde(rename_all = "lowercase")]
enum EffortInput {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

impl From<EffortInput> for ReasoningEffort {
    fn from(effort: EffortInput) -> Self {
        match effort {
            EffortInput::None => Self::None,
            EffortInput::Minimal => Self::Minimal,
            EffortInput::Low => Self::Low,
            EffortInput::Medium => Self::Medium,
            EffortInput::High => Self::High,
            EffortInput::Xhigh => Self::Xhigh,
        }
    }
}

/// The format of an answer.
#[derive(JsonSchema)]
#[schemars(rename = "ChatCompletionFormat")]
struct TextFormat {
    /// `text`.
    #[schemars(rename = "type", extend("enum" = ["text"]))]
    _kind: String,
}

/// Options of a stream.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct StreamOptions {
    /// Whether the last chunk reports the tokens of the whole answer.
    include_usage: Option<bool>,
}

/// A message.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatCompletionMessage")]
struct InputMessage {
    role: InputRole,
    /// A string, or parts of type `text`.
    content: Option<Content>,
}

/// The author's role. `system` and `developer` both give instructions.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ChatCompletionRole")]
enum InputRole {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatCompletionContent")]
#[serde(untagged, expecting = "must be a string, or a list of parts with a `type`")]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatCompletionPart")]
struct Part {
    /// `text`.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["text"]))]
    kind: String,
    #[schemars(with = "String")]
    text: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a validator")]
fn unavailable(given: &Value, (): &()) -> garde::Result {
    let is_empty = match given {
        Value::Null | Value::Bool(false) => true,
        Value::Array(values) => values.is_empty(),
        _ => false,
    };
    if is_empty {
        Ok(())
    } else {
        Err(garde::Error::new("is not supported; leave it out"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a validator")]
fn text_only(given: &Value, (): &()) -> garde::Result {
    if given.is_null() || given["type"] == "text" {
        Ok(())
    } else {
        Err(garde::Error::new("is not supported except as `{\"type\": \"text\"}`"))
    }
}

impl ChatInput {
    /// Whether the last chunk reports the tokens.
    pub(crate) fn includes_usage(&self) -> bool {
        let options = self.stream_options.as_ref();
        options.and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// Returns the messages as the app expects them.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a message is not text.
    pub(crate) fn request(self) -> Result<CompletionRequest> {
        let (mut system, mut messages) = (Vec::new(), Vec::with_capacity(self.messages.len()));
        for (number, message) in self.messages.into_iter().enumerate() {
            let pointer = format!("/messages/{number}/content");
            let text = message
                .content
                .map_or_else(|| Ok(String::new()), |content| content.text(&pointer))?;
            match message.role {
                InputRole::System | InputRole::Developer => system.push(text),
                // A message without text, for example an answer that called a tool, is skipped.
                InputRole::User | InputRole::Assistant if text.trim().is_empty() => {}
                InputRole::User => messages.push(Message::user(text)),
                InputRole::Assistant => messages.push(Message::assistant(text)),
            }
        }
        Ok(CompletionRequest {
            model: self.model,
            messages,
            options: GenerationOptions {
                system: (!system.is_empty()).then(|| system.join("\n\n")),
                max_tokens: self.max_completion_tokens.or(self.max_tokens),
                temperature: self.temperature,
                reasoning_effort: self.reasoning_effort.map(ReasoningEffort::from),
            },
        })
    }
}

impl Content {
    fn text(self, pointer: &str) -> Result<String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Parts(parts) => {
                let mut texts = Vec::with_capacity(parts.len());
                for (number, part) in parts.into_iter().enumerate() {
                    let Some(text) = part.text.filter(|_| part.kind == "text") else {
                        let detail = "must be a part of type `text`; other types are not supported";
                        return Err(Error::invalid(format!("{pointer}/{number}"), detail));
                    };
                    texts.push(text);
                }
                Ok(texts.join("\n"))
            }
        }
    }
}
