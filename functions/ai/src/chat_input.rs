//! What clients of `OpenAI`'s API send (<https://platform.openai.com/docs/api-reference/chat/create>).
//!
//! What would change the answer in a way that we cannot follow is refused; what merely tunes it is ignored.

use app::{CompletionRequest, GenerationOptions, Message, ReasoningEffort};
use domain::{Error, Result};
use garde::Validate;
use http_api::readable_name;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Most messages of one request.
const MAX_MESSAGES: usize = 2_000;

/// Messages that are to be answered.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct ChatInput {
    /// Model or alias that answers, or a chatbot as `chatbot/<id>`.
    #[garde(length(chars, max = 200), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: String,
    /// What was said, oldest first.
    #[garde(length(min = 1, max = MAX_MESSAGES))]
    messages: Vec<InputMessage>,
    /// Answer as an event stream.
    pub(crate) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// The longest answer, tokens, thinking included; when left out, a model that thinks has room for that beside the
    /// answer.
    #[garde(range(min = 1))]
    max_completion_tokens: Option<u32>,
    /// The older name of `max_completion_tokens`.
    #[garde(range(min = 1))]
    max_tokens: Option<u32>,
    /// Sampling temperature.
    #[garde(range(min = 0.0, max = 2.0))]
    temperature: Option<f32>,
    /// How long the model is to think: passed on to models that take it, and ignored by others.
    reasoning_effort: Option<EffortInput>,
    /// Answers wanted; there is one.
    #[garde(range(min = 1, max = 1))]
    n: Option<u32>,
    /// Not available: has to be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    tools: Option<Value>,
    /// Not available: has to be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    functions: Option<Value>,
    /// Not available: has to be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    stop: Option<Value>,
    /// Not available: has to be empty.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    audio: Option<Value>,
    /// Not available: has to be false.
    #[garde(inner(custom(unavailable)))]
    #[schemars(with = "()")]
    #[serde(default)]
    logprobs: Option<Value>,
    /// `{"type": "text"}`, which is all there is.
    #[garde(inner(custom(text_only)))]
    #[schemars(with = "Option<TextFormat>")]
    response_format: Option<Value>,
}

/// How long a model is to think.
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

/// What is wanted of a stream.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct StreamOptions {
    /// Whether the last chunk before the end holds the tokens of the whole answer.
    include_usage: Option<bool>,
}

/// A message.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatCompletionMessage")]
struct InputMessage {
    role: InputRole,
    /// Text, or parts of type `text`.
    content: Option<Content>,
}

/// Who said it. Instructions may come from `system` or from `developer`.
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
#[serde(untagged, expecting = "must be a text, or a list of parts with a `type`")]
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
        Err(garde::Error::new("is not available here; leave it out"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a validator")]
fn text_only(given: &Value, (): &()) -> garde::Result {
    if given.is_null() || given["type"] == "text" {
        Ok(())
    } else {
        Err(garde::Error::new(
            "is not available here except as `{\"type\": \"text\"}`",
        ))
    }
}

impl ChatInput {
    /// Whether the tokens are told at the end of a stream.
    pub(crate) fn includes_usage(&self) -> bool {
        let options = self.stream_options.as_ref();
        options.and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// What is asked.
    ///
    /// # Errors
    /// [`Error::Invalid`] at a message that is no text.
    pub(crate) fn request(self) -> Result<CompletionRequest> {
        let (mut system, mut messages) = (Vec::new(), Vec::with_capacity(self.messages.len()));
        for (number, said) in self.messages.into_iter().enumerate() {
            let pointer = format!("/messages/{number}/content");
            let text = said
                .content
                .map_or_else(|| Ok(String::new()), |content| content.text(&pointer))?;
            match said.role {
                InputRole::System | InputRole::Developer => system.push(text),
                // A turn without words, as of an answer that called a tool, says nothing.
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
                        let detail = "must be a part of type `text`: only text can be read here";
                        return Err(Error::invalid(format!("{pointer}/{number}"), detail));
                    };
                    texts.push(text);
                }
                Ok(texts.join("\n"))
            }
        }
    }
}
