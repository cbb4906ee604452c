//! Every group of operations, as its users call it.

mod admin;
mod apikeys;
mod audit;
mod auth;
mod chatbots;
mod chats;
mod clerk;
mod contracts;
mod conversations;
mod documents;
mod guesses;
mod internal;
mod invitations;
pub(crate) mod ledger;
mod matrix;
mod members;
mod models;
mod openapi;
mod org_races;
mod orgs;
mod passwords;
mod quotas;
mod settings;
mod sign_in_sessions;
mod token_attacks;
mod users;
mod verification;
