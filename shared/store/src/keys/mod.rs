//! Every key string of every table. Nowhere else is one put together.
//!
//! The partition key always starts from ids that were proven to belong to the caller (the organization, the
//! user, the session), so a foreign id in a request only ever makes a sort key that is not there.
//!
//! Where an erasure finds what belongs to an organization or a user is in one list, `app`'s `estate.rs`.

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

/// A key under which nothing is ever stored: reading it shows that a table answers.
pub fn probe() -> Key {
    key("PROBE".to_owned(), "PROBE")
}

/// One of so many partitions, by the last character of an id, which is a random hexadecimal digit: a power of two up to 16 is
/// met evenly.
fn shard_of(id: &str, shards: u8) -> u8 {
    let last = id.chars().next_back().unwrap_or_default();
    let digit = last.to_digit(16).unwrap_or(u32::from(last));
    u8::try_from(digit % u32::from(shards)).unwrap_or_default()
}
