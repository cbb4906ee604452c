//! What clients of `OpenAI`'s API are answered. Fields of our own stand beside its fields, where clients leave them
//! alone.

use app::{Completion, CompletionStream, Mark, Outcome};
use domain::Usage;
use http_api::ApiRoot;
use schemars::JsonSchema;
use serde::Serialize;

/// An answer (<https://platform.openai.com/docs/api-reference/chat/object>).
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChatCompletion {
    id: String,
    /// `chat.completion`.
    object: &'static str,
    /// Seconds since 1970.
    created: i64,
    /// The model that answered.
    model: String,
    choices: Vec<Choice>,
    usage: UsageView,
    #[serde(flatten)]
    origin: OriginView,
}

/// Where an answer comes from, and what it cost.
#[derive(Serialize, JsonSchema)]
struct OriginView {
    /// Who runs the model.
    provider: String,
    /// The model that was asked for, when another one answered.
    requested_model: Option<String>,
    /// Whether that was because the one that was asked for could not answer.
    fallback: bool,
    /// What it cost, in millionths of a US dollar; null when nobody knows.
    cost_micro_usd: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatCompletionChoice")]
struct Choice {
    index: u32,
    message: AssistantMessage,
    logprobs: Option<()>,
    /// `stop`, `length` or `content_filter`.
    finish_reason: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct AssistantMessage {
    /// `assistant`.
    role: &'static str,
    content: String,
    /// What the model thought before it answered; it is no part of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    /// Why there is no answer, when the model gave none; `content` says it as well.
    refusal: Option<&'static str>,
    /// The passages of documents that the text cites as `[number]`.
    annotations: Vec<Annotation>,
}

/// A place in the text, and what backs it.
#[derive(Serialize, JsonSchema)]
struct Annotation {
    /// `url_citation`.
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitation,
}

#[derive(Serialize, JsonSchema)]
struct UrlCitation {
    /// Where the number begins in the text, characters.
    start_index: usize,
    /// Where it ends.
    end_index: usize,
    /// Where the document is described, relative to the URL of the request.
    url: String,
    /// The name of the document, and the place in it.
    title: String,
    /// The document.
    document_id: String,
    /// The words of the document.
    excerpt: String,
}

/// Tokens.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CompletionUsage")]
pub(crate) struct UsageView {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    /// True when the provider did not say, or not credibly, and they are estimated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    estimated: bool,
    /// When something is known of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionTokensDetails>,
}

/// What tokens of an answer were for.
#[derive(Serialize, JsonSchema)]
struct CompletionTokensDetails {
    /// Those that the model thought in; they are part of `completion_tokens`.
    reasoning_tokens: u64,
}

/// Part of a streamed answer (<https://platform.openai.com/docs/api-reference/chat-streaming>).
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChatCompletionChunk {
    id: String,
    /// `chat.completion.chunk`.
    object: &'static str,
    /// Seconds since 1970, the same in all parts.
    created: i64,
    /// The model that answers.
    model: String,
    /// One; none in the part that tells the tokens.
    choices: Vec<ChunkChoice>,
    /// The tokens of the whole answer, in the last part when `stream_options.include_usage` asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageView>,
    /// In the part that ends the answer.
    #[serde(flatten)]
    origin: Option<OriginView>,
}

#[derive(Serialize, JsonSchema)]
struct ChunkChoice {
    index: u32,
    delta: Delta,
    logprobs: Option<()>,
    /// Null until the answer ends.
    finish_reason: Option<&'static str>,
}

/// What a part adds to the message.
#[derive(Serialize, JsonSchema, Default)]
pub(crate) struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Why there is no answer, in the part that ends one that the model did not give; `content` has said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    /// What the model thinks; it is no part of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

impl Delta {
    /// The message begins.
    pub(crate) fn begin() -> Self {
        Self {
            role: Some("assistant"),
            ..Self::text(String::new())
        }
    }

    /// The next thoughts.
    pub(crate) fn thinking(thinking: String) -> Self {
        Self {
            reasoning_content: Some(thinking),
            ..Self::default()
        }
    }

    /// The next words.
    pub(crate) fn text(text: String) -> Self {
        Self {
            content: Some(text),
            ..Self::default()
        }
    }
}

impl ChatCompletion {
    pub(crate) fn new(completion: Completion, created: i64, root: &ApiRoot) -> Self {
        let annotations = annotations(&completion, root);
        let outcome = completion.outcome;
        Self {
            id: id(&completion.id),
            object: "chat.completion",
            created,
            usage: UsageView::of(&outcome),
            choices: vec![Choice {
                index: 0,
                message: AssistantMessage {
                    role: "assistant",
                    content: completion.text,
                    reasoning_content: Some(completion.thinking).filter(|thinking| !thinking.is_empty()),
                    refusal: outcome.blank,
                    annotations,
                },
                logprobs: None,
                finish_reason: finish_reason(&outcome),
            }],
            model: outcome.model.clone(),
            origin: outcome.into(),
        }
    }
}

/// A stream of parts, with what all of them have in common.
pub(crate) struct Writing {
    id: String,
    created: i64,
    model: String,
    includes_usage: bool,
    root: ApiRoot,
}

impl Writing {
    pub(crate) fn new(stream: &CompletionStream, created: i64, includes_usage: bool, root: ApiRoot) -> Self {
        Self {
            id: id(&stream.id),
            created,
            model: stream.model.clone(),
            includes_usage,
            root,
        }
    }

    /// A part of the message.
    pub(crate) fn chunk(&self, delta: Delta) -> ChatCompletionChunk {
        self.part(Some((delta, None)))
    }

    /// The last parts: why the message ended, and the tokens if they are wanted.
    pub(crate) fn end(&self, completion: Completion) -> Vec<ChatCompletionChunk> {
        let delta = Delta {
            annotations: annotations(&completion, &self.root),
            refusal: completion.outcome.blank,
            ..Delta::default()
        };
        let outcome = completion.outcome;
        let last = ChatCompletionChunk {
            origin: Some(outcome.clone().into()),
            ..self.part(Some((delta, Some(finish_reason(&outcome)))))
        };
        let tokens = self.includes_usage.then(|| ChatCompletionChunk {
            usage: Some(UsageView::of(&outcome)),
            ..self.part(None)
        });
        [last].into_iter().chain(tokens).collect()
    }

    fn part(&self, choice: Option<(Delta, Option<&'static str>)>) -> ChatCompletionChunk {
        let choice = choice.map(|(delta, finish_reason)| ChunkChoice {
            index: 0,
            delta,
            logprobs: None,
            finish_reason,
        });
        ChatCompletionChunk {
            id: self.id.clone(),
            object: "chat.completion.chunk",
            created: self.created,
            model: self.model.clone(),
            choices: choice.into_iter().collect(),
            usage: None,
            origin: None,
        }
    }
}

impl From<Outcome> for OriginView {
    fn from(outcome: Outcome) -> Self {
        Self {
            provider: outcome.provider,
            requested_model: outcome.requested_model,
            fallback: outcome.fallback,
            cost_micro_usd: outcome.cost_micro_usd,
        }
    }
}

impl UsageView {
    fn of(outcome: &Outcome) -> Self {
        let details = outcome.reasoning_tokens;
        Self {
            completion_tokens_details: details.map(|reasoning_tokens| CompletionTokensDetails { reasoning_tokens }),
            ..outcome.usage.into()
        }
    }
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total_tokens,
            estimated: usage.estimated,
            completion_tokens_details: None,
        }
    }
}

fn id(id: &domain::GenerationId) -> String {
    format!("chatcmpl-{id}")
}

/// The reason in the words of that API, which has none for "other". An answer that the model did not give is none that
/// came to its end.
fn finish_reason(outcome: &Outcome) -> &'static str {
    match outcome.finish_reason {
        reason @ ("length" | "content_filter") => reason,
        _ if outcome.blank.is_some() => "content_filter",
        _ => "stop",
    }
}

/// Every citation in the text.
fn annotations(completion: &Completion, root: &ApiRoot) -> Vec<Annotation> {
    let text = &completion.text;
    let annotation = |mark: &Mark| {
        let citation = completion
            .citations
            .iter()
            .find(|citation| citation.number == mark.number)?;
        let characters = |end: usize| text.get(..end).map(|text| text.chars().count());
        let membership = citation.page.map(|page| format!("page {page}"));
        let title = match membership.as_ref().or(citation.heading.as_ref()) {
            Some(membership) => format!("{}, {membership}", citation.name),
            None => citation.name.clone(),
        };
        Some(Annotation {
            kind: "url_citation",
            url_citation: UrlCitation {
                start_index: characters(mark.at.start)?,
                end_index: characters(mark.at.end)?,
                url: root.to(&format!("/api/v1/documents/{}", citation.document_id)),
                title,
                document_id: citation.document_id.clone(),
                excerpt: citation.excerpt.clone(),
            },
        })
    };
    completion.marks.iter().filter_map(annotation).collect()
}
