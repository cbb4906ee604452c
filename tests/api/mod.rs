//! Every group of operations, as its users call it.

mod auth;
mod chatbots;
mod chats;
mod contracts;
mod documents;
mod guesses;
mod matrix;
mod openapi;
mod passwords;
mod sign_in_sessions;
mod token_attacks;
mod verification;
