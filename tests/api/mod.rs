//! Every group of operations, as its users call it.

mod admin;
mod audit;
mod auth;
mod chatbots;
mod chats;
mod clerk;
mod contracts;
mod documents;
mod internal;
mod matrix;
mod openapi;
