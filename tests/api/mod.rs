//! Every group of operations, as its users call it.

mod apikeys;
mod auth;
mod chatbots;
mod chats;
mod contracts;
mod documents;
mod invitations;
mod matrix;
mod members;
mod openapi;
mod org_races;
mod orgs;
mod settings;
mod users;
