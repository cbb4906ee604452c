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
pub(crate) fn write(context: Arc<RequestContext>, response: Response) -> Response {
    let status = response.status().as_u16();
    if let Some(bytes) = response.body().size_hint().exact() {
        line(&context, status, bytes, true);
        return response;
    }
    response.map(|inner| {
        Body::new(Counted {
            inner,
            context,
            status,
            bytes: 0,
            whole: false,
        })
    })
}

fn line(context: &RequestContext, status: u16, bytes: u64, whole: bool) {
    tracing::info!(
        target: "access",
        method = context.method.as_str(),
        route = context.route.get().map_or("", String::as_str),
        status,
        duration_ms = context.backend.now_ms().saturating_sub(context.began_ms),
        request_id = context.request_id,
        user_id = context.known_identity().map_or("", |identity| identity.user.id.as_str()),
        org_id = context.known_membership().map_or("", |membership| membership.org.as_str()),
        bytes,
        whole,
        "request"
    );
}

/// A body that counts the bytes sent.
struct Counted {
    inner: Body,
    context: Arc<RequestContext>,
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
        line(&self.context, self.status, self.bytes, self.whole);
    }
}
