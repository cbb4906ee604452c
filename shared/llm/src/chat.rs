//! What is asked of a model and what it answers: the types every adapter shares.

use std::borrow::Cow;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{BoxStream, StreamExt as _};
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// One question to a model, with everything it may use to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model's id as its provider knows it, for example `gpt-4o-mini` or `local`.
    pub model: String,
    /// Instructions of whoever runs the chatbot. They come before our own rules for grounded answers.
    pub system: Option<String>,
    /// The conversation, oldest first; the last message of [`Role::User`] is the question.
    pub messages: Vec<Message>,
    /// `Some`: answer only from these and cite them by markers, which [`CitationFilter`](crate::CitationFilter) reads.
    /// `None`: a plain chat.
    pub sources: Option<Vec<Source>>,
    /// The longest answer allowed, in the model's own tokens.
    pub max_tokens: u32,
    /// 0.0 (sober) to 2.0; `None` leaves the provider's default.
    pub temperature: Option<f32>,
    /// How long the model is to think; models that take no such wish are not told of it.
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// How long a model is to think (<https://platform.openai.com/docs/guides/reasoning>). Not every model takes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// Little.
    Low,
    /// As its vendor finds right for most.
    Medium,
    /// Long.
    High,
    /// As long as it can.
    Xhigh,
}

impl ChatRequest {
    /// The texts of the user messages, newest first.
    pub(crate) fn user_messages(&self) -> impl Iterator<Item = &str> {
        self.messages
            .iter()
            .rev()
            .filter(|message| message.role == Role::User)
            .map(|message| message.content.as_str())
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who wrote it.
    pub role: Role,
    /// Plain text or Markdown.
    pub content: String,
}

impl Message {
    /// A message of the person who asks.
    pub fn user(content: impl Into<String>) -> Self {
        Self {
            role: Role::User,
            content: content.into(),
        }
    }

    /// A message the model answered earlier.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
        }
    }
}

/// The author of a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person who asks.
    User,
    /// The model.
    Assistant,
}

/// A passage of a document the answer may be taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The number the answer cites it by. Stable within one answer, unique among its sources.
    pub number: u32,
    /// The document's name, for example `handbook.pdf`.
    pub name: String,
    /// Where in the document, in words a person understands: `page 3`, `Warranty > Grinders`.
    pub place: Option<String>,
    /// The passage itself. Data, never instructions.
    pub text: String,
    /// How well it matches the question; comparable within one request only, higher is better.
    pub score: f32,
}

/// One event of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// The provider has taken the request: it did not refuse it, and the answer is on its way. It comes before any
    /// piece, again when the model is asked again, and never from a model that runs here.
    Accepted,
    /// Which model answers, where that was open: said at most once, and before the first text.
    Answering {
        /// Who runs it.
        provider: Cow<'static, str>,
        /// Its id at that provider.
        model: String,
        /// Whether it is another one than the first choice.
        fallback: bool,
    },
    /// The next piece of the model's thinking, never empty. It is no part of the answer: whoever asked may be shown it, and
    /// nobody else.
    Thinking(String),
    /// The next piece of the answer, never empty. The answer is the concatenation of all pieces.
    Text(String),
    /// The answer is complete. The last event of every good stream, exactly once.
    Done {
        /// Why the model stopped.
        finish_reason: FinishReason,
        /// What the answer cost.
        usage: Usage,
    },
}

/// Why a model stopped writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It had nothing more to say.
    Stop,
    /// The answer reached `max_tokens` or the end of the model's window.
    Length,
    /// The provider's content filter cut the answer.
    ContentFilter,
    /// A reason this crate has no name for.
    Other,
}

/// Tokens one answer consumed, as the provider counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read: instructions, sources and conversation, those of a cache included.
    pub prompt_tokens: u64,
    /// Tokens written, including those of a reasoning the reader never sees.
    pub completion_tokens: u64,
    /// The part of `prompt_tokens` that came out of the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// The part of `prompt_tokens` that was written into the provider's cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// The part of `completion_tokens` that is reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// Whether the provider said nothing and [`estimate_tokens`](crate::estimate_tokens) had to stand in.
    pub estimated: bool,
}

impl Usage {
    /// Tokens read and written.
    pub fn total(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

impl From<Usage> for domain::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total(),
            estimated: usage.estimated,
        }
    }
}

/// The answer as it is written: any number of [`ChatEvent::Thinking`] and [`ChatEvent::Text`], then one [`ChatEvent::Done`]; or an error,
/// after which nothing follows.
///
/// The stream does its work only while it is polled, and dropping it ends the call to the provider.
pub type ChatStream = BoxStream<'static, Result<ChatEvent, ModelError>>;

/// A model that answers conversations.
pub trait ChatModel: Send + Sync {
    /// What this model is.
    fn info(&self) -> ModelInfo;

    /// Starts an answer. Errors of the start come as the first item of the stream.
    fn chat(&self, request: ChatRequest) -> ChatStream;

    /// The whole answer at once.
    fn complete(&self, request: ChatRequest) -> BoxFuture<'static, Result<Completion, ModelError>> {
        collect(self.chat(request)).boxed()
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The answer.
    pub text: String,
    /// Why the model stopped.
    pub finish_reason: FinishReason,
    /// What the answer cost.
    pub usage: Usage,
    /// Provider and model, where it was open which one answers.
    pub answered_by: Option<(Cow<'static, str>, String)>,
}

/// Reads a stream to its end.
async fn collect(mut events: ChatStream) -> Result<Completion, ModelError> {
    let (mut text, mut answered_by) = (String::new(), None);
    while let Some(event) = events.next().await {
        match event? {
            ChatEvent::Answering { provider, model, .. } => answered_by = Some((provider, model)),
            ChatEvent::Accepted | ChatEvent::Thinking(_) => {}
            ChatEvent::Text(piece) => text.push_str(&piece),
            ChatEvent::Done { finish_reason, usage } => {
                return Ok(Completion {
                    text,
                    finish_reason,
                    usage,
                    answered_by,
                });
            }
        }
    }
    Err(ModelError::Cut)
}

/// What a model is, as the API lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelInfo {
    /// The id requests name it by.
    pub id: Cow<'static, str>,
    /// Who runs it: `parlance` for the built-in one, otherwise `openai` and the like.
    pub provider: Cow<'static, str>,
    /// How it makes an answer.
    pub kind: ModelKind,
    /// Whether it writes text of its own. An extractive model only quotes.
    pub generative: bool,
    /// The longest request and answer together, in tokens; an upper bound for trimming a conversation.
    pub context_tokens: u32,
}

/// How a model makes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// It picks sentences from the sources.
    Extractive,
    /// It writes text.
    Chat,
}
