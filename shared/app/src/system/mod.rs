//! The state of the platform: readiness, metrics, failures.

pub(crate) mod operations;
pub(crate) mod readiness;
