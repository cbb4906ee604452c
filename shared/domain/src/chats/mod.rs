//! Conversations and their turns.

pub mod conversation;
pub mod turn;
pub mod unanswered;
