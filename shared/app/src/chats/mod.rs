//! Chat sessions and their answers.

pub(crate) mod answer;
pub(crate) mod answer_counts;
pub(crate) mod conversations;
pub(crate) mod message_pages;
pub(crate) mod search;
pub(crate) mod unanswered;
