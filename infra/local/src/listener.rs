//! The accept loop of both ports, with limits on how long a client may take to send a request.
//!
//! The limits are those of Apache's `mod_reqtimeout` (<https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html>): a
//! header section has to arrive within a time limit, and a body may be slow, but neither silent nor slower than a
//! minimum rate. A client that stalls a request loses its connection; an upload over a slow line succeeds.

use std::{
    convert::Infallible,
    error::Error as StdError,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, StatusCode, header::CONNECTION},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, Sleep},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How long a client may take to send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTimeouts {
    /// Timeout for the request line and the header section, and for an idle connection between requests.
    pub header: Duration,
    /// Longest silence within a body. Time in which the server does not read is not counted.
    pub body: Duration,
    /// Minimum rate of a body, in bytes a second, once it has used up the time of one silence.
    pub min_body_rate: u32,
}

impl Default for RequestTimeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(30),
            body: Duration::from_secs(30),
            min_body_rate: 500,
        }
    }
}

/// Serves `router` until `stop`, then lets open requests finish. Dropping the future aborts them.
pub(crate) async fn serve_router(
    listener: TcpListener,
    timeouts: RequestTimeouts,
    stop: CancellationToken,
    router: Router,
) {
    let handle = move |request| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    };
    serve(listener, timeouts, stop, handle).await;
}

/// Serves with `handle`, whose error breaks the connection.
pub(crate) async fn serve<H, F, E>(listener: TcpListener, timeouts: RequestTimeouts, stop: CancellationToken, handle: H)
where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, E>> + Send + 'static,
    E: StdError + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, timeouts, stop.clone(), handle.clone()));
                }
                Err(error) => pause_after(&error).await,
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Probably out of file descriptors: retrying at once would spin.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing announces that a descriptor has become free"
)]
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn connection<H, F, E>(
    stream: TcpStream,
    peer: SocketAddr,
    timeouts: RequestTimeouts,
    stop: CancellationToken,
    handle: H,
) where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, E>> + Send + 'static,
    E: StdError + Send + Sync + 'static,
{
    // Sends each event of a stream at once; it would otherwise wait 40 ms for the acknowledgment of the previous one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "local.connection_without_nodelay");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let handle = handle.clone();
        async move {
            let timed_out = Arc::new(AtomicBool::new(false));
            let mut request = request.map(|body| Body::new(PacedBody::new(body, timeouts, Arc::clone(&timed_out))));
            request.extensions_mut().insert(ConnectInfo(peer));
            let response = handle(request).await?;
            Ok::<_, E>(if timed_out.load(Ordering::Relaxed) {
                request_timeout()
            } else {
                response
            })
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(timeouts.header);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(error = &error as &dyn StdError, "local.connection_ended_early");
    }
}

/// RFC 9110, section 15.5.9. The handler's response to half a body is meaningless.
fn request_timeout() -> Response {
    let mut response = (
        StatusCode::REQUEST_TIMEOUT,
        "The body of the request did not arrive in time.\n",
    )
        .into_response();
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body that ends with an error when its client is too slow.
struct PacedBody<B> {
    body: B,
    timeouts: RequestTimeouts,
    /// Remaining waiting time of the client.
    left: Duration,
    /// The current wait: its start, and the timer that ends it.
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
    timed_out: Arc<AtomicBool>,
}

impl<B> PacedBody<B> {
    fn new(body: B, timeouts: RequestTimeouts, timed_out: Arc<AtomicBool>) -> Self {
        Self {
            body,
            timeouts,
            left: timeouts.body,
            wait: None,
            timed_out,
        }
    }

    /// Updates the remaining time after a wait that ended with this many bytes.
    fn arrived(&mut self, bytes: usize) {
        let waited = self.wait.take().map(|(since, _)| since.elapsed());
        let earned =
            f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / f64::from(self.timeouts.min_body_rate.max(1));
        let left = self.left.saturating_sub(waited.unwrap_or_default());
        self.left = left
            .saturating_add(Duration::from_secs_f64(earned))
            .min(self.timeouts.body);
    }
}

impl<B> http_body::Body for PacedBody<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            self.arrived(bytes);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let left = self.left;
        let (_, timer) = self.wait.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(tokio::time::sleep_until(now + left)))
        });
        ready!(timer.as_mut().poll(context));
        self.timed_out.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err("the client did not send the body in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;

    /// Sends a piece of this many bytes at this interval; returns how many arrived in time.
    async fn arrived(pieces: usize, bytes: usize, seconds: u64) -> usize {
        let sent = stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep_until(Instant::now() + Duration::from_secs(seconds)).await;
            Ok::<_, io::Error>(Bytes::from(vec![b'x'; bytes]))
        });
        let timed_out = Arc::new(AtomicBool::new(false));
        let body = Body::from_stream(sent);
        let mut body = PacedBody::new(body, RequestTimeouts::default(), Arc::clone(&timed_out));
        let mut count = 0;
        while let Some(Ok(_)) = body.frame().await {
            count += 1;
        }
        assert_eq!(timed_out.load(Ordering::Relaxed), count < pieces);
        count
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_slow_but_neither_silent_nor_a_trickle() {
        // An hour of 1 KB every two seconds: the slowest connections in use.
        assert_eq!(arrived(1_800, 1_000, 2).await, 1_800);
        assert_eq!(arrived(10, 100_000, 29).await, 10);
        assert_eq!(arrived(10, 100_000, 31).await, 0);
        // An occasional byte does not keep the connection open.
        assert!(arrived(1_000, 1, 5).await < 7);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_reads_is_not_the_clients() {
        let timed_out = Arc::new(AtomicBool::new(false));
        let pieces = stream::iter([b"a", b"b"].map(|piece| Ok::<_, io::Error>(Bytes::from_static(piece))));
        let body = Body::from_stream(pieces);
        let mut body = PacedBody::new(body, RequestTimeouts::default(), Arc::clone(&timed_out));
        for _ in 0..2 {
            tokio::time::sleep_until(Instant::now() + Duration::from_hours(1)).await;
            assert!(matches!(body.frame().await, Some(Ok(_))));
        }
        assert!(body.frame().await.is_none() && !timed_out.load(Ordering::Relaxed));
    }
}
