//! The body of a webhook: exactly the bytes that were signed.

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

/// A body of at most [`MAX_JSON_BYTES`] as it arrived, whatever its `Content-Type`, and the headers that authenticate
/// its sender. It must not be trusted before its signature is verified.
#[derive(Debug)]
pub struct SignedBody {
    /// The bytes.
    pub bytes: Bytes,
    /// ID of the request in the logs.
    pub request_id: String,
    headers: HeaderMap,
}

impl SignedBody {
    /// Returns a header that may be sent at most once; empty if it is missing.
    ///
    /// # Errors
    /// 400 if it is sent twice, or is not text.
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

    /// Senders may add query parameters to their URL, and a rejected delivery would be lost.
    fn query(parameters: &mut QueryParameters) {
        parameters.allow_others();
    }
}
