//! Model calls: the only path by which this crate calls a model.
//!
//! Every rejection happens before the stream starts. Generated text is charged whether the stream succeeds, fails, is
//! stopped or is dropped.

mod admission;
mod billing_context;
mod embed;
mod lease;
mod metered;
mod rerank;
pub(crate) mod reserve;
mod run;
mod stream;

use domain::{Answer, AnswerStatus, Category, ChatbotSettings, GenerationId, Result, Usage};
use futures::future::BoxFuture;
use llm::{ChatRequest, Provider, Role, estimate_tokens};

pub(crate) use admission::Admission;
pub use billing_context::BillingContext;
pub use embed::{Embedded, EmbeddingRequest};
use run::Run;
pub(crate) use stream::FIRST_PIECE;
pub use stream::GenerationStream;

use crate::App;

/// A request to a model.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Unique ID of the reservation: the ID of the answer, or a new one.
    pub id: GenerationId,
    /// The caller, and whose limits are charged.
    pub billing: BillingContext,
    /// The category in usage statistics.
    pub category: Category,
    /// Name or alias of the model.
    pub model: String,
    /// Maximum number of reasoning tokens in addition to the `max_tokens` of `request`; 0 if the caller has limited the
    /// total.
    pub thinking_tokens: u32,
    /// The request. `model` is filled in; `max_tokens` is raised by the reasoning allowance, and lowered if a limit has
    /// less left; the oldest turns are omitted if the model's context is too small for all of them.
    pub request: ChatRequest,
}

impl Generation {
    /// Returns the generation with this text instead of a model's answer, for which no tokens are charged.
    #[must_use]
    pub(crate) fn prescribe(self, text: String) -> Self {
        let question = self
            .request
            .messages
            .into_iter()
            .rfind(|message| message.role == Role::User);
        Self {
            billing: self.billing.without_model(),
            model: ChatbotSettings::default().model,
            thinking_tokens: 0,
            request: ChatRequest {
                system: None,
                messages: question.into_iter().collect(),
                sources: None,
                refusal: None,
                max_tokens: u32::try_from(estimate_tokens(&text)).unwrap_or(u32::MAX),
                prescribed: Some(text),
                ..self.request
            },
            ..self
        }
    }
}

/// An event of a model's answer.
#[derive(Debug)]
pub enum Generated {
    /// A provider has accepted the request.
    Accepted,
    /// The model's reasoning, which is not part of the answer.
    Thinking(String),
    /// The next text.
    Text(String),
    /// The answer is finished and charged. Always the last event of a successful stream.
    Done(Box<Outcome>),
}

/// How an answer ended, and its cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The model that answered, by its provider's name for it.
    pub model: String,
    /// Its provider.
    pub provider: Provider,
    /// The requested model, if a different one answered.
    pub requested_model: Option<String>,
    /// Whether a fallback model answered because the requested one could not.
    pub fallback: bool,
    /// `stop`, `length`, `content_filter` or `other`; `stopped` if the client ended it.
    pub finish_reason: &'static str,
    /// Token usage, including reasoning.
    pub usage: Usage,
    /// Reasoning tokens, if known.
    pub reasoning_tokens: Option<u64>,
    /// The provider's charge in millionths of a US dollar; `None` if the model's price is unknown.
    pub cost_micro_usd: Option<u64>,
    /// The reason for an answer without text.
    pub blank: Option<&'static str>,
    /// Milliseconds from the start of the call to its end.
    pub latency_ms: u64,
    /// Milliseconds from the start of the call to the first token; `None` if there was none.
    pub time_to_first_token_ms: Option<u64>,
}

impl Outcome {
    /// Adds to an answer how its model ended, and its cost. A continued answer took several calls.
    pub(crate) fn settle(self, answer: &mut Answer) {
        let is_first = answer.latency_ms.is_none();
        let earlier = if is_first { Some(0) } else { answer.cost_micro_usd };
        answer.cost_micro_usd = earlier.zip(self.cost_micro_usd).map(|(earlier, cost)| earlier + cost);
        answer.usage = answer.usage.plus(self.usage);
        answer.latency_ms = Some(answer.latency_ms.unwrap_or(0) + self.latency_ms);
        answer.time_to_first_token_ms = answer.time_to_first_token_ms.or(self.time_to_first_token_ms);
        answer.model = Some(self.model);
        answer.provider = Some(self.provider.name().to_owned());
        answer.requested_model = self.requested_model;
        answer.fallback = self.fallback;
        answer.finish_reason = Some(self.finish_reason.to_owned()).filter(|_| answer.status != AnswerStatus::Failed);
    }
}

impl App {
    /// Calls a model.
    ///
    /// # Errors
    /// Returns [`domain::Error::Forbidden`] `model_not_allowed` for a key that may not use this model,
    /// [`domain::Error::Limit`] if a limit on requests or tokens has too little left, [`domain::Error::Upstream`] if
    /// the model cannot answer.
    pub fn generate(&self, mut generation: Generation) -> BoxFuture<'_, Result<GenerationStream>> {
        Box::pin(async move {
            generation.billing.may_ask(&generation.model)?;
            let Admission { org, subjects } = match generation.category {
                // Titles, scanned pages and rewritten questions are not requests by the user.
                Category::Titles | Category::Transcription | Category::Rewriting => {
                    self.terms(&generation.billing).await?
                }
                _ => self.admit(&generation.billing).await?,
            };
            let fallbacks: Vec<String> = org
                .fallback_models
                .iter()
                .filter(|model| generation.billing.may_ask(model).is_ok())
                .cloned()
                .collect();
            let chosen = self.model(&generation.model, &fallbacks).await?;
            // The whole request is sent and reserved.
            let room = generation.thinking_tokens.min(chosen.thinking_tokens);
            let answer = generation.request.max_tokens;
            generation.request.max_tokens = answer.saturating_add(room);
            generation.request = generation.request.fitted(chosen.context_tokens);
            let allowed = match self.reserve_tokens(&generation, answer, &org, &subjects, chosen).await {
                Ok(allowed) => allowed,
                Err(error) => {
                    return Err(self
                        .without_reservation(&generation.billing, &org, &subjects, error)
                        .await);
                }
            };
            let request = ChatRequest {
                model: allowed.chosen.name.clone(),
                max_tokens: allowed.max_tokens,
                ..generation.request.clone()
            };
            let run = Run::new(self.clone(), generation, subjects, &allowed);
            let stream = GenerationStream::new(allowed.chosen.model.chat(request), run);
            Ok(stream.with_wanted_events(org.webhooks))
        })
    }
}
