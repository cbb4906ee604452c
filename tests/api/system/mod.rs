//! What belongs to no feature: documents, pages, limits of the gateway.

pub(crate) mod contracts;
pub(crate) mod free_form_json;
pub(crate) mod front_ends;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod permissions;
pub(crate) mod query_parameters;
pub(crate) mod rulings;
pub(crate) mod stage;
