//! Turns text into vectors whose cosine is the likeness of meanings, in a hundred languages: `multilingual-e5-small`
//! (<https://huggingface.co/intfloat/multilingual-e5-small>, MIT) with 4-bit weights, without a key and without a network.
//!
//! All functions are pure functions over bytes, like those of `retrieval`. A model file is read once and checked whole;
//! [`Model::embed`] then takes one core and no more memory than a batch of [`BATCH_TOKENS`] tokens needs.
//!
//! ```text
//! text --Tokenizer--> token ids --Encoder (12 layers, Matrix x Activations)--> mean of the tokens --> unit vector
//! ```
//!
//! Invariants:
//! - Hostile bytes produce an error, never a panic ([`Model::from_bytes`]), and any text has a vector.
//! - `kernel` is the only `unsafe` code of the workspace: it calls vector instructions that it has found at run time.
//!   All paths compute the same integers; only sums of floats may differ in their last bits.

#![expect(
    clippy::inline_always,
    reason = "loops are compiled for the instructions that were found only as a part of the function that says so"
)]
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod activations;
mod encoder;
mod file;
mod functions;
mod kernel;
mod matrix;
mod model;
pub mod tiny;
mod tokenizer;

pub use file::ModelFileError;
pub use kernel::Path;
pub use model::{BATCH_TOKENS, MULTILINGUAL_E5_SMALL, Model, Pinned, Role};
