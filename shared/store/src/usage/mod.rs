//! The ledger of tokens, and quotas.

pub(crate) mod ledger;
pub(crate) mod quotas;
