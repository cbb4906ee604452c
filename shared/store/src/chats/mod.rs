//! Conversations and their turns.

pub(crate) mod cancels;
pub(crate) mod conversations;
pub(crate) mod packed;
pub(crate) mod turns;
pub(crate) mod unanswered;
