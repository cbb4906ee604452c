//! The body of a webhook: the very bytes that were signed.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use crate::{
    Describe, MAX_JSON_BYTES, Problem, Result,
    body::read,
    describe::OperationDoc,
    query::QueryParameters,
    request_context::{RequestContext, only},
};

/// A body of at most [`MAX_JSON_BYTES`] as it arrived, whatever it calls itself, and the headers that prove its
/// sender. Nothing of it is true before its signature was checked.
#[derive(Debug)]
pub struct SignedBody {
    /// The bytes.
    pub bytes: Bytes,
    /// The request in our logs.
    pub request_id: String,
    headers: HeaderMap,
}

impl SignedBody {
    /// A header that may be there once; empty when it is not.
    ///
    /// # Errors
    /// 400 when it is there twice, or is not text.
    pub fn header(&self, name: &'static str) -> Result<&str> {
        Ok(only(&self.headers, name)?.unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequest<S> for SignedBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let request_id = RequestContext::of(&parts)?.request_id.clone();
        Ok(Self {
            bytes: read(&parts.headers, body, MAX_JSON_BYTES).await?,
            request_id,
            headers: parts.headers,
        })
    }
}

impl Describe for SignedBody {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.request_body(true, &[("application/json", json!({"type": "object"}))]);
        doc.problem(401);
    }

    /// What the sender adds to its URL is its own business, and a delivery that is refused would be lost.
    fn query(parameters: &mut QueryParameters) {
        parameters.allow_others();
    }
}
