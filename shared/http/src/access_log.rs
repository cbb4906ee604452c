//! The access log, one line per request. **Invariant:** nothing of a request is logged but the fields below: no query
//! string, no body, no token, no header.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use crate::request_context::RequestContext;

/// Writes the line: immediately for a body of known size, otherwise after the last byte or when the client disconnects.
pub(crate) fn write(scope: Arc<RequestContext>, response: Response) -> Response {
    let status = response.status().as_u16();
    if let Some(bytes) = response.body().size_hint().exact() {
        line(&scope, status, bytes, true);
        return response;
    }
    response.map(|inner| {
        Body::new(Counted {
            inner,
            scope,
            status,
            bytes: 0,
            whole: false,
        })
    })
}

fn line(scope: &RequestContext, status: u16, bytes: u64, whole: bool) {
    tracing::info!(
        target: "access",
        method = scope.method.as_str(),
        route = scope.route.get().map_or("", String::as_str),
        status,
        duration_ms = scope.host.now_ms().saturating_sub(scope.began_ms),
        request_id = scope.request_id,
        user_id = scope.known_identity().map_or("", |identity| identity.user.id.as_str()),
        org_id = scope.known_membership().map_or("", |membership| membership.org.as_str()),
        bytes,
        whole,
        "request"
    );
}

/// A body that counts the bytes sent.
struct Counted {
    inner: Body,
    scope: Arc<RequestContext>,
    status: u16,
    bytes: u64,
    whole: bool,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            }
            Poll::Ready(None) => self.whole = true,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        line(&self.scope, self.status, self.bytes, self.whole);
    }
}
