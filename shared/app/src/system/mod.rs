//! Platform state: readiness, metrics, failures.

pub(crate) mod operations;
pub(crate) mod readiness;
