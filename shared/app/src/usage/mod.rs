//! Quotas, statistics, and their schedules.

pub(crate) mod alerts;
pub(crate) mod quotas;
pub(crate) mod reset_quotas;
pub(crate) mod roll_up_usage;
pub(crate) mod statistics;
