//! Chat Completions on the wire (<https://platform.openai.com/docs/api-reference/chat>): what we send.

use serde::Serialize;

use crate::chat::{ChatRequest, Image, Message, ReasoningEffort, Role};
use crate::profiles::Profile;

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<BodyMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<ReasoningEffort>,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Debug, Serialize)]
struct BodyMessage<'a> {
    role: &'static str,
    content: Content<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Part<'a>>),
}

/// <https://platform.openai.com/docs/guides/images-vision>
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    ImageUrl { image_url: ImageUrl },
    Text { text: &'a str },
}

#[derive(Debug, Serialize)]
struct ImageUrl {
    url: String,
}

fn content(message: &Message) -> Content<'_> {
    let text = message.content.as_str();
    if message.images.is_empty() {
        return Content::Text(text);
    }
    let image = |image: &Image| Part::ImageUrl {
        image_url: ImageUrl {
            url: format!("data:{};base64,{}", Image::MEDIA_TYPE, image.base64()),
        },
    };
    let images = message.images.iter().map(image);
    Content::Parts(images.chain([Part::Text { text }]).collect())
}

impl<'a> Body<'a> {
    /// Creates the request's body. `system` is the result of [`crate::prompt::system`]; `is_reasoning`: the model is
    /// one of OpenAI's reasoning models, which have another name for the limit and support no temperature.
    pub(super) fn new(request: &'a ChatRequest, system: Option<&'a str>, is_reasoning: bool) -> Self {
        let system = system.map(|content| BodyMessage {
            role: "system",
            content: Content::Text(content),
        });
        let messages = request.messages.iter().map(|message| BodyMessage {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: content(message),
        });
        Self {
            model: &request.model,
            messages: system.into_iter().chain(messages).collect(),
            max_tokens: (!is_reasoning).then_some(request.max_tokens),
            max_completion_tokens: is_reasoning.then_some(request.max_tokens),
            temperature: request.temperature.filter(|_| !is_reasoning),
            reasoning_effort: request
                .reasoning_effort
                .filter(|_| Profile::of(&request.model).takes_effort),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
        }
    }
}
