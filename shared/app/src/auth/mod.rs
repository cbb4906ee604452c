//! Sign-in: passwords, sessions, tokens, Clerk, and the revocation of all credentials.

pub(crate) mod clerk;
pub(crate) mod client_origin;
pub(crate) mod credentials;
pub(crate) mod key_derivation;
pub(crate) mod key_ring;
pub(crate) mod new_account;
pub(crate) mod passwords;
pub(crate) mod revocation;
pub(crate) mod sign_in;
pub(crate) mod signing;
pub(crate) mod tokens;
