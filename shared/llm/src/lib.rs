//! Language models: one trait, one adapter per protocol, and a built-in model that needs no provider.
//!
//! - [`Local`] answers from documents by quoting their best sentences. It generates nothing.
//! - [`OpenAiCompatible`], [`Anthropic`], [`Gemini`] and [`Bedrock`] implement the vendors' protocols, streamed.
//! - [`Resilient`] retries and has a circuit breaker, [`FallbackChain`] falls back to another model.
//! - [`Embedder`] and [`Reranker`] are the models that a search uses.
//! - [`catalog`] resolves models by name, [`prices`] has their prices, [`truncate_to_context`] shortens conversations
//!   to their context windows, [`Profiles`] has their time limits and whether they think.
//! - [`CitationFilter`] turns the markers of an answer into citations, and removes those without a source.
//!
//! **Invariant:** nothing is spawned. A [`ChatStream`] works while its consumer polls it and ends the call to the
//! provider when it is dropped, because Lambda freezes whatever outlives its response.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

mod anthropic;
mod bedrock;
mod call;
pub mod catalog;
mod chat;
mod citation;
mod embedders;
mod error;
mod gemini;
mod lenient;
mod limits;
mod local;
mod openai;
mod parameters;
pub mod prices;
mod profiles;
mod prompt;
mod provider;
mod rejection;
mod rerankers;
mod resilience;
pub mod sse;
#[cfg(test)]
mod testing;
mod text;
mod thinking;
mod tokens;
mod truncate;
mod turns;

pub use anthropic::Anthropic;
pub use bedrock::{Bedrock, Signer};
pub use call::InvalidBaseUrl;
pub use chat::{
    ChatEvent, ChatModel, ChatRequest, ChatStream, Completion, FinishReason, Image, Message, ModelInfo, ModelKind,
    ReasoningEffort, Role, Source, Usage, exchanges,
};
pub use citation::{CitationFilter, Mark, statements, with_markers, without_citations};
pub use embedders::{
    BedrockEmbedder, CohereEmbedder, Embedder, Embeddings, GeminiEmbedder, MaxRequest, OpenAiEmbedder, TextRole,
    document_dimensions, embed_all,
};
pub use error::{ModelError, TimeLimit};
pub use gemini::Gemini;
pub use limits::TimeLimits;
pub use local::{Local, NO_PASSAGE, is_refusal};
pub use openai::OpenAiCompatible;
pub use profiles::{LONGEST_CALL, Profile, Profiles};
pub use provider::Provider;
pub use rejection::{Rejection, RejectionReason};
pub use rerankers::{BedrockReranker, CohereReranker, Reranked, Reranker};
pub use resilience::{
    Candidate, CircuitBreaker, CircuitBreakers, FallbackChain, GuardedReranker, Resilient, ResilientEmbedder,
};
pub use text::passage_sentences;
pub use tokens::estimate_tokens;
pub use truncate::truncate_to_context;
