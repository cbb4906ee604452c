//! Outgoing webhooks: what an organization's systems are told, and where. Their format and signatures follow Standard
//! Webhooks (<https://www.standardwebhooks.com>).

pub mod data;
pub mod delivery;
pub mod endpoint;
pub mod event;
pub mod example;
pub mod message;
