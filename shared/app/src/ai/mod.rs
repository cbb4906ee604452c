//! Requests to models, and what they cost.

pub(crate) mod completions;
pub(crate) mod generate;
pub(crate) mod models;
