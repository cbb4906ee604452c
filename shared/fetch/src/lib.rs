//! Reads pages of the web for users who name their addresses.
//!
//! Whoever names an address must not reach through us what they cannot reach themselves: the network of the function,
//! its metadata service, its runtime. Invariants:
//! - Only `http` and `https`, without credentials, on ports that web sites use ([`Target::parse`]).
//! - A connection goes only to a public address ([`is_public`]) that our own resolver returned, and the resolver
//!   returns addresses only if all addresses of the host are public. The name is resolved once for each connection, so
//!   a later answer of the DNS changes nothing.
//! - Every redirect of a page is checked like the first address; none of a [`Post`] is followed. No proxy, no cookies, no credentials, no reused connections.
//! - A [`Server`] that is no web site is resolved by the same rules, and whoever connects to it does so to the addresses
//!   that were checked.
//! - Bytes, decompressed bytes and time are limited ([`Limits`]).
//!
//! The rest decides what to read, as pure functions: [`robots`], [`sitemap`] and [`crawl`].

#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a step that fails is the test's failure")
)]

mod address;
mod body;
mod content;
pub mod crawl;
mod error;
mod fetcher;
mod media_type;
mod post;
mod private_hosts;
mod resolver;
pub mod robots;
mod server;
pub mod sitemap;
mod target;
#[cfg(test)]
mod tests;

pub use address::is_public;
pub use content::{Conditions, Content, Fetched};
pub use error::FetchError;
pub use fetcher::{Fetcher, Limits};
pub use media_type::MediaType;
pub use post::{Post, Posted};
pub use private_hosts::{InvalidPrivateHost, PrivateHosts};
pub use reqwest::Url;
pub use server::Server;
pub use target::Target;
