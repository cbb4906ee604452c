//! Accounts, sessions, passwords, mailed links, people at Clerk.

pub(crate) mod accounts;
pub(crate) mod clerk;
pub(crate) mod credentials;
pub(crate) mod logins;
pub(crate) mod revocation;
pub(crate) mod sessions;
