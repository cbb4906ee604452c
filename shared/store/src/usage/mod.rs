//! The token ledger, and quotas.

pub(crate) mod ledger;
pub(crate) mod quotas;
