//! Rate limits.

pub(crate) mod actions;
pub(crate) mod model_requests;
pub(crate) mod password_guesses;
