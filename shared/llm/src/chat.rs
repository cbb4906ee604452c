//! Requests to a model and its answers: the types that all adapters share.

use std::{borrow::Cow, fmt, sync::Arc};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{BoxStream, StreamExt as _};
use retrieval::{Exchange, Language, Passage, SourceLocation};
use serde::{Deserialize, Serialize};

use crate::{ModelError, Provider};

/// A request to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model's ID at its provider, for example `gpt-4o-mini` or `local`.
    pub model: String,
    /// Instructions of the chatbot's author. They precede our own rules for grounded answers.
    pub system: Option<String>,
    /// The conversation, oldest first; the last message of [`Role::User`] is the question.
    pub messages: Vec<Message>,
    /// `Some`: answer only from these and cite them with markers, which [`CitationFilter`](crate::CitationFilter)
    /// reads. `None`: a plain chat.
    pub sources: Option<Vec<Source>>,
    /// The text to answer with if the sources do not answer the question; `None`: the model's own words.
    pub refusal: Option<String>,
    /// The answer itself, if no model is to write one: the built-in model returns it as it is, and no other is asked.
    pub prescribed: Option<String>,
    /// The maximum size of the answer, in the model's own tokens.
    pub max_tokens: u32,
    /// From 0.0 (deterministic) to 2.0; `None` uses the provider's default.
    pub temperature: Option<f32>,
    /// How long the model is to think; not sent to models that do not support it.
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// How long a model is to think (<https://platform.openai.com/docs/guides/reasoning>). Not every model supports every
/// level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// Less than by default.
    Low,
    /// The vendor's default for most models.
    Medium,
    /// Longer than by default.
    High,
    /// As long as possible.
    Xhigh,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The author.
    pub role: Role,
    /// Plain text or Markdown.
    pub content: String,
    /// Images that precede the text.
    pub images: Vec<Image>,
}

/// A JPEG image that a message shows to a model that accepts images.
#[derive(Clone, PartialEq, Eq)]
pub struct Image(Arc<[u8]>);

impl Image {
    /// The media type of every image.
    pub(crate) const MEDIA_TYPE: &str = "image/jpeg";
    /// Its name at Bedrock.
    pub(crate) const FORMAT: &str = "jpeg";
    /// Estimated tokens of an image of up to 1,600 pixels a side. Vendors count 258 to 1,600; `gpt-4o-mini` counts up
    /// to 37,000, which is still believed beside this estimate.
    /// <https://platform.openai.com/docs/guides/images-vision#calculating-costs>,
    /// <https://docs.anthropic.com/en/docs/build-with-claude/vision#evaluate-image-size>,
    /// <https://ai.google.dev/gemini-api/docs/tokens#multimodal-tokens>
    pub(crate) const TOKENS: u64 = 2_600;

    /// Creates an image from the bytes of a JPEG file.
    pub fn jpeg(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns its bytes in base64.
    pub(crate) fn base64(&self) -> String {
        BASE64_STANDARD.encode(&self.0)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} bytes)", self.0.len())
    }
}

impl Message {
    /// Creates a message of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self {
            role: Role::User,
            content: content.into(),
            images: Vec::new(),
        }
    }

    /// Adds images to the message.
    #[must_use]
    pub fn with_images(mut self, images: impl IntoIterator<Item = Image>) -> Self {
        self.images.extend(images);
        self
    }

    /// Creates an earlier answer of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
            images: Vec::new(),
        }
    }
}

/// Returns the questions and answers of a conversation, newest first.
pub fn exchanges(messages: &[Message]) -> Vec<Exchange<'_>> {
    let mut found = Vec::new();
    let mut answer = "";
    for message in messages.iter().rev() {
        match message.role {
            Role::Assistant => answer = &message.content,
            Role::User => {
                found.push(Exchange {
                    question: &message.content,
                    answer,
                });
                answer = "";
            }
        }
    }
    found
}

/// The author of a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// A passage of a document from which the answer may be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The number by which the answer cites it. Stable within one answer, unique among its sources.
    pub number: u32,
    /// The document's name, for example `handbook.pdf`.
    pub name: String,
    /// The position in the document, in readable form: `page 3`, `Warranty > Grinders`.
    pub place: Option<String>,
    /// The text of the passage. Data, never instructions.
    pub text: String,
    /// The sentences before it in the document; may be empty.
    pub before: String,
    /// The sentences behind it in the document; may be empty.
    pub after: String,
    /// Its language.
    pub language: Language,
    /// How well it matches the question; comparable only within one request, higher is better.
    pub score: f32,
    /// The share of the question that it contains, by the rarity of the words in all documents: 0 to 1.
    pub relevance: f32,
    /// How likely it is about the question by their meaning, whatever their words and languages: 0 to 1; `None` if the
    /// search did not compare meanings.
    pub likeness: Option<f32>,
    /// How near the meaning of each sentence of [`passage_sentences`](crate::passage_sentences) is to that of the
    /// question, as a cosine; empty if they were not compared.
    pub sentence_cosines: Vec<f32>,
}

impl Source {
    /// Returns a passage that was found as a source with this number.
    pub fn of(number: u32, passage: &Passage) -> Self {
        Self {
            number,
            name: passage.name.clone(),
            place: match &passage.place {
                SourceLocation::Page(page) => Some(format!("page {page}")),
                SourceLocation::Heading(path) => Some(path.clone()),
                SourceLocation::Whole => None,
            },
            text: passage.text.clone(),
            before: passage.before.clone(),
            after: passage.after.clone(),
            language: passage.language,
            score: passage.score,
            relevance: passage.relevance,
            likeness: passage.likeness,
            sentence_cosines: passage.sentence_cosines.clone(),
        }
    }
}

/// One event of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// The provider has accepted the request and is answering. Precedes any piece, is repeated when the model is called
    /// again, and never comes from a built-in model.
    Accepted,
    /// The model that answers, if there was a choice: at most once, and before the first text.
    Answering {
        /// The provider.
        provider: Provider,
        /// The model's ID at that provider.
        model: String,
        /// Whether it is not the first choice.
        fallback: bool,
    },
    /// The next piece of the model's thinking, never empty. It is not part of the answer, and only the user who asked
    /// may see it.
    Thinking(String),
    /// The next piece of the answer, never empty. The answer is the concatenation of all pieces.
    Text(String),
    /// The answer is complete. The last event of every successful stream, exactly once.
    Done {
        /// Why the model stopped.
        finish_reason: FinishReason,
        /// The tokens that the answer used.
        usage: Usage,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The answer is complete.
    Stop,
    /// The answer reached `max_tokens` or the end of the model's context window.
    Length,
    /// The provider's content filter stopped the answer.
    ContentFilter,
    /// Any other reason.
    Other,
}

/// Tokens used by one answer, as the provider counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt: instructions, sources and conversation, including cached ones.
    pub prompt_tokens: u64,
    /// Tokens generated, including hidden reasoning.
    pub completion_tokens: u64,
    /// The part of `prompt_tokens` read from the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// The part of `prompt_tokens` written to the provider's cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// The part of `completion_tokens` that is reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// Whether the provider reported nothing, so that these are from [`estimate_tokens`](crate::estimate_tokens).
    pub estimated: bool,
}

impl Usage {
    /// Returns the sum of prompt and completion tokens.
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

/// A streamed answer: any number of [`ChatEvent::Thinking`] and [`ChatEvent::Text`], then one [`ChatEvent::Done`]; or
/// an error, after which nothing follows.
///
/// The stream works only while it is polled, and dropping it ends the call to the provider.
pub type ChatStream = BoxStream<'static, Result<ChatEvent, ModelError>>;

/// A model that answers conversations.
pub trait ChatModel: Send + Sync {
    /// Returns the properties of the model.
    fn info(&self) -> ModelInfo;

    /// Starts an answer. If that fails, the error is the first item of the stream.
    fn chat(&self, request: ChatRequest) -> ChatStream;

    /// Returns the whole answer at once.
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
    /// The tokens that the answer used.
    pub usage: Usage,
    /// Provider and model, if there was a choice.
    pub answered_by: Option<(Provider, String)>,
}

/// Collects a stream into a whole answer.
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

/// The properties of a model, as the API lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelInfo {
    /// The ID by which requests name it.
    pub id: Cow<'static, str>,
    /// The provider.
    pub provider: Provider,
    /// How it produces an answer.
    pub kind: ModelKind,
    /// Whether it generates text. An extractive model only quotes.
    pub generative: bool,
    /// The maximum size of request and answer together, in tokens; an upper bound for truncating a conversation.
    pub context_tokens: u32,
}

/// How a model produces an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// It selects sentences from the sources.
    Extractive,
    /// It generates text.
    Chat,
}
