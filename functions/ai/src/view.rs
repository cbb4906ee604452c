//! Responses to clients of `OpenAI`'s API. Parlance's additional fields stand beside its fields, where clients ignore
//! them.

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

/// Origin and cost of an answer.
#[derive(Serialize, JsonSchema)]
struct OriginView {
    /// The provider of the model.
    provider: String,
    /// The requested model, if another one answered.
    requested_model: Option<String>,
    /// Whether another model answered because the requested one was unavailable.
    fallback: bool,
    /// Cost in millionths of a US dollar; null if the price is unknown.
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
    /// The model's reasoning before the answer; not part of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    /// Why the model gave no answer; repeated in `content`.
    refusal: Option<&'static str>,
    /// The passages of documents that the text cites as `[number]`.
    annotations: Vec<Annotation>,
}

/// A citation in the text and its source.
#[derive(Serialize, JsonSchema)]
struct Annotation {
    /// `url_citation`.
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitation,
}

#[derive(Serialize, JsonSchema)]
struct UrlCitation {
    /// Start of the citation number in the text, in characters.
    start_index: usize,
    /// End of the citation number, in characters.
    end_index: usize,
    /// URL of the document's description, relative to the request URL.
    url: String,
    /// Name of the document, and the location in it.
    title: String,
    /// ID of the document.
    document_id: String,
    /// The cited text.
    excerpt: String,
}

/// Token usage.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CompletionUsage")]
pub(crate) struct UsageView {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    /// Whether the counts are estimates because the provider reported none or implausible ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    estimated: bool,
    /// Details, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionTokensDetails>,
}

/// Completion tokens by purpose.
#[derive(Serialize, JsonSchema)]
struct CompletionTokensDetails {
    /// Tokens spent on reasoning; part of `completion_tokens`.
    reasoning_tokens: u64,
}

/// A chunk of a streamed answer (<https://platform.openai.com/docs/api-reference/chat-streaming>).
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChatCompletionChunk {
    id: String,
    /// `chat.completion.chunk`.
    object: &'static str,
    /// Seconds since 1970, the same in all chunks.
    created: i64,
    /// The model that answers.
    model: String,
    /// One choice; empty in the chunk that reports the tokens.
    choices: Vec<ChunkChoice>,
    /// Tokens of the whole answer, in the last chunk if `stream_options.include_usage` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageView>,
    /// In the chunk that ends the answer.
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

/// What a chunk adds to the message.
#[derive(Serialize, JsonSchema, Default)]
pub(crate) struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Why the model gave no answer, in the chunk that ends the answer; repeated in `content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    /// The model's reasoning; not part of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

impl Delta {
    /// The first delta of a message.
    pub(crate) fn begin() -> Self {
        Self {
            role: Some("assistant"),
            ..Self::text(String::new())
        }
    }

    /// A delta with more reasoning.
    pub(crate) fn thinking(thinking: String) -> Self {
        Self {
            reasoning_content: Some(thinking),
            ..Self::default()
        }
    }

    /// A delta with more of the answer.
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
            id: id(completion.answer.id.as_str()),
            object: "chat.completion",
            created,
            usage: UsageView::of(&outcome),
            choices: vec![Choice {
                index: 0,
                message: AssistantMessage {
                    role: "assistant",
                    content: completion.answer.text,
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

/// A stream of chunks, and the fields that all of them share.
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
            id: id(stream.id.as_str()),
            created,
            model: stream.model.clone(),
            includes_usage,
            root,
        }
    }

    /// Returns a chunk of the message.
    pub(crate) fn chunk(&self, delta: Delta) -> ChatCompletionChunk {
        self.part(Some((delta, None)))
    }

    /// Returns the last chunks: the finish reason, and the tokens if requested.
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
            provider: outcome.provider.to_string(),
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

fn id(id: &str) -> String {
    format!("chatcmpl-{id}")
}

/// Returns the finish reason in `OpenAI`'s terms, which have none for "other". An answer without content does not end
/// with `stop`.
fn finish_reason(outcome: &Outcome) -> &'static str {
    match outcome.finish_reason {
        reason @ ("length" | "content_filter") => reason,
        _ if outcome.blank.is_some() => "content_filter",
        _ => "stop",
    }
}

/// Returns every citation in the text.
fn annotations(completion: &Completion, root: &ApiRoot) -> Vec<Annotation> {
    let text = &completion.answer.text;
    let annotation = |mark: &Mark| {
        let citations = &completion.answer.citations;
        let citation = citations.iter().find(|citation| citation.number == mark.number)?;
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
