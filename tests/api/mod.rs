//! Every group of operations, as its users call it.

mod admin;
pub(crate) mod ai;
mod apikeys;
mod audit;
pub(crate) mod auth;
mod billing;
pub(crate) mod chatbots;
pub(crate) mod chats;
mod console;
pub(crate) mod documents;
mod integrations;
mod internal;
mod matrix;
pub(crate) mod orgs;
mod platform_log;
mod prompts;
pub(crate) mod query;
pub(crate) mod system;
pub(crate) mod usage;
pub(crate) mod users;
mod webhooks;
mod widget;
