//! Programs with a secret of their own: the backend of a front end, which acts for every user, and the
//! scraper of the metrics.

use axum::extract::FromRequestParts;
use domain::{Actor, Secret};
use http::{StatusCode, request::Parts};

use crate::{
    Describe, Problem, Result,
    describe::{Authorize, OperationDoc, authorize},
    request_context::{API_KEY, RequestContext, bearer, only},
};

/// A caller with the service key (`X-API-Key`). Rejects everyone if none is configured.
///
/// # Errors
/// 401 for all other callers, however they are signed in.
#[derive(Debug)]
pub struct Service {
    request_id: String,
}

impl Service {
    /// Returns the caller as an actor of the audit log.
    pub fn actor(&self) -> Actor {
        Actor::service(self.request_id.as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        let key = only(&parts.headers, API_KEY)?.filter(|key| !key.is_empty());
        let known = match key {
            Some(key) => context.backend.is_service(&Secret::new(key)).await?,
            None => false,
        };
        if known {
            Ok(Self {
                request_id: context.request_id.clone(),
            })
        } else {
            let detail = "Send the service key in the header `X-API-Key`.";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "service_key_required", detail))
        }
    }
}

impl Describe for Service {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_service_key();
    }
}

/// A caller with the scrape token (`Authorization: Bearer`). Rejects everyone if none is configured.
///
/// # Errors
/// 401 for all other callers, however they are signed in.
#[derive(Debug)]
pub struct Scraper;

impl<S: Send + Sync> FromRequestParts<S> for Scraper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        let known = match bearer(&parts.headers)? {
            Some(token) => context.backend.is_scraper(&token).await?,
            None => false,
        };
        let detail = "Send the scrape token as `Authorization: Bearer`.";
        let refused = || Problem::new(StatusCode::UNAUTHORIZED, "scrape_token_required", detail);
        known.then_some(Self).ok_or_else(refused)
    }
}

impl Describe for Scraper {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_scrape_token();
    }
}
