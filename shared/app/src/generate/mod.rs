//! Asking a model: the one way in which anything here does.
//!
//! Everything that can be refused is refused before the stream begins. What the model wrote is paid for, whether
//! the stream ends well, breaks, is stopped or is dropped.

mod payer;
mod stream;

use futures::future::BoxFuture;
use llm::ChatRequest;
use model::{Category, GenerationId, Result, Usage};

pub use payer::Payer;
pub use stream::GenerationStream;
use stream::Run;

use crate::App;

/// Something a model is asked for.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Unique: what is reserved is reserved under it. The id of the answer, or a new one.
    pub id: GenerationId,
    /// Who asks, and who pays.
    pub payer: Payer,
    /// What for.
    pub category: Category,
    /// Name or alias of the model.
    pub model: String,
    /// What is asked; `model` in it is filled in, and `max_tokens` lowered when only less is left of a limit.
    pub request: ChatRequest,
}

/// Part of an answer.
#[derive(Debug)]
pub enum Generated {
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
    /// Tokens.
    pub usage: Usage,
    /// What the provider charges, millionths of a US dollar; none when nobody knows its price.
    pub cost_micro_usd: Option<u64>,
    /// From the call to its end.
    pub latency_ms: u64,
    /// From the call to the first words; none when there were none.
    pub time_to_first_token_ms: Option<u64>,
}

impl App {
    /// Asks a model.
    ///
    /// # Errors
    /// [`model::Error::Forbidden`] `model_not_allowed` for a key that may not ask this model,
    /// [`model::Error::Upstream`] for a model that cannot answer.
    pub fn generate(&self, generation: Generation) -> BoxFuture<'_, Result<GenerationStream>> {
        Box::pin(async move {
            generation.payer.may_ask(&generation.model)?;
            let chosen = self.model(&generation.model, &[]).await?;
            let request = ChatRequest {
                model: chosen.name.clone(),
                ..generation.request.clone()
            };
            let upstream = chosen.model.chat(request);
            let run = Run::new(self.clone(), generation, &chosen);
            Ok(GenerationStream::new(upstream, run))
        })
    }
}
