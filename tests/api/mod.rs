//! Every group of operations, as its users call it.

mod apikeys;
mod auth;
mod chatbots;
mod chats;
mod contracts;
mod documents;
mod matrix;
mod openapi;
mod quotas;
mod settings;
mod users;
