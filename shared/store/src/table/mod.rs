//! DynamoDB: items, transactions, batches, lists, retries.

pub(crate) mod backoff;
pub(crate) mod batch;
pub(crate) mod changes;
pub(crate) mod item;
pub(crate) mod list_filter;
pub(crate) mod owner_lookup;
pub(crate) mod paginate;
pub(crate) mod partitions;
pub(crate) mod retry;
pub(crate) mod transaction;
