//! Sessions, passwords, API keys, and permissions.

pub mod api_key;
pub mod api_key_token;
pub mod credential_epochs;
pub mod network;
pub mod password;
pub mod permission;
pub mod session;
