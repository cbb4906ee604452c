//! Model requests and their cost.

pub(crate) mod auxiliary;
pub(crate) mod completions;
pub(crate) mod embedders;
pub(crate) mod generate;
pub(crate) mod models;
