//! What is described twice stays the same: `template.yaml` and the code it deploys.

mod cloudformation;
mod permissions;
mod resources;
mod routes;
pub(crate) mod template;
mod wiring;
