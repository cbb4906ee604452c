//! Asking a model: the one way in which anything here does.
//!
//! Everything that can be refused is refused before the stream begins. What the model wrote is paid for, whether
//! the stream ends well, breaks, is stopped or is dropped.

mod admission;
mod billing_context;
mod embed;
mod lease;
pub(crate) mod reserve;
mod run;
mod stream;

use domain::{Category, GenerationId, Result, Usage};
use futures::future::BoxFuture;
use llm::ChatRequest;

pub(crate) use admission::Admission;
pub use billing_context::BillingContext;
pub use embed::{Embedded, EmbeddingRequest};
use run::Run;
pub(crate) use stream::FIRST_PIECE;
pub use stream::GenerationStream;

use crate::App;

/// Something a model is asked for.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Unique: what is reserved is reserved under it. The ID of the answer, or a new one.
    pub id: GenerationId,
    /// Who asks, and who pays.
    pub billing: BillingContext,
    /// What for.
    pub category: Category,
    /// Name or alias of the model.
    pub model: String,
    /// Most tokens that a model which thinks has for that, beside `max_tokens` of `request`; 0 when whoever asks has said how
    /// long all of it may be.
    pub thinking_tokens: u32,
    /// What is asked; `model` in it is filled in, `max_tokens` raised by the room for thinking, and lowered when only less
    /// is left of a limit, and the oldest turns are left out when the model cannot take all of them.
    pub request: ChatRequest,
}

/// Part of an answer.
#[derive(Debug)]
pub enum Generated {
    /// A provider has taken the request.
    Accepted,
    /// What the model thinks, which is no part of the answer.
    Thinking(String),
    /// The next words.
    Text(String),
    /// It is whole and paid for. Always the last event of a good stream.
    Done(Box<Outcome>),
}

/// How an answer ended, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The model that answered, as its provider knows it.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// What was asked for, when another model answered.
    pub requested_model: Option<String>,
    /// Whether another model answered because the one that was asked for could not.
    pub fallback: bool,
    /// `stop`, `length`, `content_filter`, `other`; `stopped` when the reader ended it.
    pub finish_reason: &'static str,
    /// Tokens, those of thinking included.
    pub usage: Usage,
    /// Those of them that were thinking, where that is known.
    pub reasoning_tokens: Option<u64>,
    /// What the provider charges, millionths of a US dollar; none when no one knows its price.
    pub cost_micro_usd: Option<u64>,
    /// Why there is no text, in an answer that has none.
    pub blank: Option<&'static str>,
    /// From the call to its end.
    pub latency_ms: u64,
    /// From the call to the first words; none when there were none.
    pub time_to_first_token_ms: Option<u64>,
}

impl App {
    /// Asks a model.
    ///
    /// # Errors
    /// [`domain::Error::Forbidden`] `model_not_allowed` for a key that may not ask this model, [`domain::Error::Limit`]
    /// when a limit on requests or tokens leaves too little, [`domain::Error::Upstream`] for a model that cannot answer.
    pub fn generate(&self, mut generation: Generation) -> BoxFuture<'_, Result<GenerationStream>> {
        Box::pin(async move {
            generation.billing.may_ask(&generation.model)?;
            let Admission { org, subjects } = match generation.category {
                // A title is no one's question.
                Category::Titles => self.terms(&generation.billing).await?,
                _ => self.admit(&generation.billing).await?,
            };
            let fallbacks: Vec<String> = org
                .fallback_models
                .iter()
                .filter(|model| generation.billing.may_ask(model).is_ok())
                .cloned()
                .collect();
            let chosen = self.model(&generation.model, &fallbacks).await?;
            // All of it is sent, and all of it is reserved.
            let room = generation.thinking_tokens.min(chosen.thinking_tokens);
            let answer = generation.request.max_tokens;
            generation.request.max_tokens = answer.saturating_add(room);
            generation.request = generation.request.fitted(chosen.context_tokens);
            let allowed = match self.set_aside(&generation, answer, &org, &subjects, chosen).await {
                Ok(allowed) => allowed,
                Err(error) => return Err(self.turned_away(&generation.billing, &org, &subjects, error).await),
            };
            let request = ChatRequest {
                model: allowed.chosen.name.clone(),
                max_tokens: allowed.max_tokens,
                ..generation.request.clone()
            };
            let run = Run::new(self.clone(), generation, subjects, &allowed);
            Ok(GenerationStream::new(allowed.chosen.model.chat(request), run))
        })
    }
}
