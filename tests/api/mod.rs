//! Every group of operations, as its users call it.

mod auth;
mod chatbots;
mod chats;
mod contracts;
mod documents;
mod matrix;
mod openapi;
