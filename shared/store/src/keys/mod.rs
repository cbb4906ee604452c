//! Every key string of every table. No other module builds one.
//!
//! The partition key always starts with IDs proven to belong to the caller (the organization, the user, the session),
//! so a foreign ID in a request can only name a sort key that does not exist.
//!
//! `app`'s `data_inventory.rs` lists where an erasure finds the data of an organization or a user.

mod app;
mod audit;
mod ephemeral;
mod identity;
mod usage;

pub use app::*;
pub use audit::*;
pub use ephemeral::*;
pub use identity::*;
pub use usage::*;

/// Partition and sort key of one item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

/// A key that is never written: reading it shows that a table responds.
pub fn probe() -> Key {
    key("PROBE".to_owned(), "PROBE")
}

/// Selects a partition by the last character of an ID, which is a random hexadecimal digit: a power of two up to 16 is
/// used evenly.
fn shard_of(id: &str, shards: u8) -> u8 {
    let last = id.chars().next_back().unwrap_or_default();
    let digit = last.to_digit(16).unwrap_or(u32::from(last));
    u8::try_from(digit % u32::from(shards)).unwrap_or_default()
}
