//! Reads what a client still sends after its request was rejected.
//!
//! A connection that is closed while the client writes to it is reset, and many clients then never read the response
//! that explains why. So the rest of a rejected request is read first. On Lambda every body arrives whole.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Error, body::Body, extract::Request};
use bytes::Bytes;
use http::header;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

/// Maximum number of bytes read after a rejection. A client that announces more is disconnected.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum time that a rejection waits for them.
const MAX_TIME: Duration = Duration::from_secs(5);

/// The body of a request, which its handler may leave partly unread.
#[derive(Clone)]
pub(crate) struct BodyDrain {
    shared: Arc<Mutex<Body>>,
    /// The client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    waits: bool,
}

impl BodyDrain {
    /// Returns the request, and the drain for what its handler leaves unread.
    pub(crate) fn of(request: Request) -> (Request, Self) {
        let (parts, body) = request.into_parts();
        let drain = Self {
            shared: Arc::new(Mutex::new(body)),
            waits: parts.headers.contains_key(header::EXPECT),
        };
        (
            Request::from_parts(parts, Body::new(DrainingBody(drain.clone()))),
            drain,
        )
    }

    /// Reads the rest, within bounds.
    pub(crate) async fn drain(self) {
        if self.waits {
            return;
        }
        let mut body = std::mem::take(&mut *self.lock());
        if http_body::Body::size_hint(&body).lower() > MAX_BYTES {
            return;
        }
        let read = async {
            let mut seen = 0;
            while let Some(Ok(frame)) = body.frame().await {
                seen += frame
                    .data_ref()
                    .map_or(0, |data| u64::try_from(data.len()).unwrap_or(MAX_BYTES));
                if seen >= MAX_BYTES {
                    break;
                }
            }
        };
        if tokio::time::timeout(MAX_TIME, read).await.is_err() {
            tracing::debug!("http.refused_body_too_slow");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Body> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of the body that the handler reads.
struct DrainingBody(BodyDrain);

impl http_body::Body for DrainingBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&*self.0.lock())
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&*self.0.lock())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::{StreamExt as _, stream};

    use crate::{Api, Json, NoFields, Upload, testing::Server};

    use super::*;

    async fn upload(upload: Upload) -> Json<usize> {
        Json(upload.file.bytes.len())
    }

    async fn order(_: crate::Body<NoFields>) -> Json<bool> {
        Json(true)
    }

    /// Returns how many of `pieces` of one megabyte were read before the client received 413.
    async fn read_of(pieces: usize, path: &str, header: (&str, &str)) -> usize {
        let read = Arc::new(AtomicUsize::new(0));
        let counter = read.clone();
        let body = stream::iter(0..pieces).map(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1024 * 1024]))
        });
        let api = Api::new("Test").post("/upload", upload, "").post("/order", order, "");
        let kind = if path == "/order" {
            "application/json"
        } else {
            "multipart/form-data; boundary=B"
        };
        let request = http::Request::post(path)
            .header("content-type", kind)
            .header(header.0, header.1);
        let answer = Server::new(api).call(request, Body::from_stream(body)).await;
        answer.problem(413, "too_large");
        read.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_read_to_its_end_before_the_answer() {
        for path in ["/order", "/upload"] {
            assert_eq!(read_of(30, path, ("content-length", "31457280")).await, 30, "{path}");
            assert_eq!(read_of(30, path, ("x-request-id", "chunked")).await, 30, "{path}");
        }
    }

    #[tokio::test]
    async fn an_endless_body_is_cut_off_and_a_client_that_asks_first_sends_nothing() {
        assert!(read_of(1000, "/order", ("x-request-id", "chunked")).await < 100);
        let request = http::Request::post("/order")
            .header("content-type", "application/json")
            .header("content-length", "31457280")
            .header("expect", "100-continue");
        let untouched =
            stream::poll_fn(|_| -> Poll<Option<Result<Bytes, std::io::Error>>> { panic!("the body must not be read") });
        let server = Server::new(Api::new("Test").post("/order", order, ""));
        let answer = server.call(request, Body::from_stream(untouched)).await;
        answer.problem(413, "too_large");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_not_waited_for() {
        let request = http::Request::post("/order")
            .header("content-type", "application/json")
            .header("content-length", "31457280");
        let server = Server::new(Api::new("Test").post("/order", order, ""));
        let silent = stream::pending::<Result<Bytes, std::io::Error>>();
        let answer = server.call(request, Body::from_stream(silent)).await;
        answer.problem(413, "too_large");
    }
}
