//! The ledger of tokens, quotas and statistics.

pub(crate) mod ledger;
pub(crate) mod quotas;
