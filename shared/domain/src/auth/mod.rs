//! Sessions, passwords, API keys, and what they may do.

pub mod api_key;
pub mod credential_epochs;
pub mod network;
pub mod password;
pub mod permission;
pub mod session;
