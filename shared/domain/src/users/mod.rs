//! Accounts and their settings.

pub mod account;
pub mod email;
pub mod export;
pub mod settings;
