//! The application as an extractor.

use std::{convert::Infallible, ops::Deref};

use app::App;
use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::{Describe, describe::OperationDoc};

/// The application; derefs to [`App`].
#[derive(Clone)]
pub struct Ctx(pub App);

impl Deref for Ctx {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl FromRequestParts<App> for Ctx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(app.clone()))
    }
}

impl Describe for Ctx {
    fn describe(doc: &mut OperationDoc<'_>) {
        // The services that the app depends on may be unavailable.
        doc.problem(503);
    }
}
