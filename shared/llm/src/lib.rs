//! Talking to language models: one trait, one adapter per protocol, and a built-in model that needs none.
//!
//! - [`Local`] answers from documents by quoting their best sentences. It generates nothing.
//! - [`OpenAiCompatible`] speaks Chat Completions, streamed.
//! - [`CitationFilter`] keeps numbers that no source backs out of an answer, whoever wrote it.
//!
//! **Invariant:** nothing is spawned. A [`ChatStream`] works while its consumer polls it and ends the call to the
//! provider when it is dropped, because Lambda freezes whatever outlives its response.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

pub mod catalog;
mod chat;
mod citation;
mod error;
mod fit;
mod limits;
mod local;
mod openai;
pub mod prices;
mod prompt;
pub mod sse;
mod text;
mod tokens;

pub use chat::{
    ChatEvent, ChatModel, ChatRequest, ChatStream, Completion, FinishReason, Message, ModelInfo, ModelKind, Role,
    Source, Usage,
};
pub use citation::CitationFilter;
pub use error::{ModelError, TimeLimit};
pub use fit::fit;
pub use limits::TimeLimits;
pub use local::Local;
pub use openai::{InvalidBaseUrl, OpenAiCompatible};
pub use tokens::estimate_tokens;
