//! The root of the API, relative to a request.
//!
//! API Gateway serves the API below the name of a stage, which the function does not know. A reference relative to the
//! URL of the request (RFC 3986 section 4.2) is valid below any prefix; an absolute path is not.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::{Describe, Problem, Result, describe::OperationDoc, request_context::RequestContext};

/// The relative reference from the URL of the request to the root of the API: `""` for `/docs`, `"../"` for `/docs/`,
/// `"../../"` for `/api/v1/documents`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRoot(String);

impl ApiRoot {
    /// Returns the root for a request with this path, as the client sent it: a trailing slash counts.
    pub fn of(path: &str) -> Self {
        let folders = path.strip_prefix('/').unwrap_or(path).matches('/').count();
        Self("../".repeat(folders))
    }

    /// Returns the relative reference to `path`, an absolute path of the API such as `/openapi.json`.
    pub fn to(&self, path: &str) -> String {
        format!("{}{}", self.0, path.trim_start_matches('/'))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ApiRoot {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(RequestContext::of(parts)?.root.clone())
    }
}

impl Describe for ApiRoot {
    fn describe(_: &mut OperationDoc<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_back_from_every_depth_and_from_a_trailing_slash() {
        for (path, reference) in [
            ("/docs", "openapi.json"),
            ("/docs/", "../openapi.json"),
            ("/docs//", "../../openapi.json"),
            ("/v1/chat/completions", "../../openapi.json"),
            ("/", "openapi.json"),
        ] {
            assert_eq!(ApiRoot::of(path).to("/openapi.json"), reference, "{path}");
        }
    }
}
