//! What is described twice stays the same: `template.yaml` and the code it deploys.

mod permissions;
mod resources;
mod routes;
mod toolchain;
mod wiring;

use local::template::Template;

/// `template.yaml`.
fn template() -> &'static Template {
    Template::embedded().unwrap()
}
