//! Accounts, sessions, passwords, emailed links, Clerk users.

pub(crate) mod accounts;
pub(crate) mod clerk;
pub(crate) mod credentials;
pub(crate) mod logins;
pub(crate) mod revocation;
pub(crate) mod sessions;
