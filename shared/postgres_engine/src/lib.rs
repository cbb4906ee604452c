//! Executes queries on PostgreSQL servers of organizations, and reads what their databases contain.
//!
//! The server is foreign and hostile until proven otherwise, and so is the query. Invariants:
//! - A connection goes only to addresses that the caller has checked ([`Login::addresses`]); no name is resolved here.
//! - A query is one statement of the extended protocol, in a transaction that only reads, with a time limit that the
//!   server enforces and another one that does not depend on it. The simple protocol carries only texts written here.
//! - Every setting is `SET LOCAL`: the transaction ends with it, whatever pool is in between (RDS Proxy, `PgBouncer`).
//! - What a server may send is limited in bytes before it is parsed ([`meter`](self)).
//! - Nothing is spawned: a connection is driven by whoever waits for it, and rests in between.
//!
//! What a query may say is decided before, by [`sql_guard`](../sql_guard/index.html), and what its role may do by
//! whoever created the role: [`Session::catalog`] refuses roles that could leave the database, and warns of others.

#![cfg_attr(
    test,
    expect(clippy::expect_used, reason = "a step that fails is the test's failure")
)]

mod catalog;
mod failure;
mod login;
mod meter;
mod session;
mod statements;
#[cfg(test)]
mod tests;
mod tls;
mod values;

pub use catalog::ImportedCatalog;
pub use failure::{Failure, PostgresError};
pub use login::{Login, Tls};
pub use session::Session;
pub use tls::check_authorities;
