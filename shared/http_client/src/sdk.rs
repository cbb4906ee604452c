//! The HTTP client of the AWS SDKs.
//!
//! The SDKs' default client parses the system's certificate authorities for each client that is created from a
//! configuration, and again for each set of timeouts. This one uses [`tls_config`](crate::tls_config). For the SDKs it
//! behaves the same: connections are kept alive and pooled, bodies are streamed, a failed connection is not reused, and
//! errors are reported in the classes by which the SDKs decide about a retry. It uses HTTP/1.1, which AWS services
//! support, and no proxy.

use std::{
    borrow::Cow,
    collections::HashMap,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::{PoisonError, RwLock},
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connection::{CaptureSmithyConnection, ConnectionMetadata},
        connector_metadata::ConnectorMetadata,
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use http::{Extensions, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{
        self,
        connect::{CaptureConnection, HttpConnector as TcpConnector, HttpInfo, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tokio::time::timeout;
use tower::Service;

/// Returns an HTTP client for
/// [`SdkConfig`](https://docs.rs/aws-types/latest/aws_types/sdk_config/struct.SdkConfig.html). SDK clients with the
/// same connect and read timeouts share their connections.
#[derive(Default)]
pub struct SdkHttpClient {
    connectors: RwLock<HashMap<Timeouts, SharedHttpConnector>>,
}

impl fmt::Debug for SdkHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkHttpClient").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Timeouts {
    /// Until the connection is established, including TLS.
    pub(crate) connect: Option<Duration>,
    /// From the request to the head of the response.
    pub(crate) read: Option<Duration>,
}

impl HttpClient for SdkHttpClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = Timeouts {
            connect: settings.connect_timeout(),
            read: settings.read_timeout(),
        };
        let known = self.connectors.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = known.get(&timeouts) {
            return connector.clone();
        }
        drop(known);
        let mut known = self.connectors.write().unwrap_or_else(PoisonError::into_inner);
        let connector = known.entry(timeouts).or_insert_with(|| match crate::tls_config() {
            Ok(tls) => SharedHttpConnector::new(Connector::new(timeouts, tls)),
            Err(error) => SharedHttpConnector::new(Unusable(error)),
        });
        connector.clone()
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("hyper", Some(Cow::Borrowed("1.x"))))
    }
}

/// Replaces a connector that cannot be created, and reports the reason.
#[derive(Debug)]
struct Unusable(rustls::Error);

impl HttpConnector for Unusable {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(ConnectorError::other(self.0.clone().into(), None)))
    }
}

/// A pool of connections.
pub(crate) struct Connector {
    client: legacy::Client<TimedConnector, SdkBody>,
    read_timeout: Option<Duration>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    pub(crate) fn new(timeouts: Timeouts, tls: ClientConfig) -> Self {
        let mut tcp = TcpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = TimedConnector {
            https: HttpsConnector::from((tcp, tls)),
            timeout: timeouts.connect,
        };
        let client = legacy::Client::builder(TokioExecutor::new())
            // Without it, idle connections are never closed.
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            client,
            read_timeout: timeouts.read,
        }
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&captured));
        }
        let (answer, read_timeout) = (self.client.request(request), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let answer = match read_timeout {
                Some(limit) => timeout(limit, answer)
                    .await
                    .map_err(|_| ConnectorError::timeout(TimedOut::new("read", limit).into()))?,
                None => answer.await,
            };
            let response = answer.map_err(|error| classify(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Connection metadata of a request for the SDKs. They poison the connection after a failure that it may have caused,
/// so that the retry uses another one.
fn metadata(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    let connection = captured.connection_metadata();
    let mut extensions = Extensions::new();
    connection.as_ref()?.get_extras(&mut extensions);
    let addresses = extensions.get::<HttpInfo>();
    let poisoned = captured.clone();
    let mut metadata = ConnectionMetadata::builder().proxied(false).poison_fn(move || {
        if let Some(connection) = poisoned.connection_metadata().as_ref() {
            connection.poison();
        }
    });
    metadata
        .set_local_addr(addresses.map(HttpInfo::local_addr))
        .set_remote_addr(addresses.map(HttpInfo::remote_addr));
    Some(metadata.build())
}

/// Opens connections within a time limit.
#[derive(Clone)]
struct TimedConnector {
    https: HttpsConnector<TcpConnector>,
    timeout: Option<Duration>,
}

type Connection = <HttpsConnector<TcpConnector> as Service<Uri>>::Response;

impl Service<Uri> for TimedConnector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connected = self.https.call(uri);
        match self.timeout {
            Some(limit) => Box::pin(async move {
                let connected = timeout(limit, connected).await;
                connected.map_err(|_| TimedOut::new("connect", limit))?
            }),
            None => Box::pin(connected),
        }
    }
}

/// A timeout of the connector itself.
#[derive(Debug)]
struct TimedOut {
    what: &'static str,
    limit: Duration,
}

impl TimedOut {
    fn new(what: &'static str, limit: Duration) -> Self {
        Self { what, limit }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {} timeout occurred after {:?}", self.what, self.limit)
    }
}

impl Error for TimedOut {}

/// Classifies an error as the SDKs' default client does: they retry after a timeout, an I/O error and a truncated
/// response, and not after an error of the caller.
fn classify(error: BoxError) -> ConnectorError {
    if find_source::<TimedOut>(error.as_ref()).is_some() {
        return ConnectorError::timeout(error);
    }
    if let Some(hyper) = find_source::<hyper::Error>(error.as_ref()) {
        return if hyper.is_timeout() {
            ConnectorError::timeout(error)
        } else if hyper.is_user() {
            ConnectorError::user(error)
        } else if hyper.is_closed() || hyper.is_canceled() || find_source::<std::io::Error>(hyper).is_some() {
            ConnectorError::io(error)
        } else if hyper.is_incomplete_message() {
            ConnectorError::other(error, Some(ErrorKind::TransientError))
        } else {
            tracing::warn!(%error, "sdk.unknown_http_error");
            ConnectorError::other(error, None)
        };
    }
    let is_io = find_source::<legacy::Error>(error.as_ref())
        .is_some_and(|client| client.is_connect() || find_source::<std::io::Error>(client).is_some());
    if is_io {
        ConnectorError::io(error)
    } else {
        ConnectorError::other(error, None)
    }
}

/// Returns the first error of this type among `error` and its sources.
fn find_source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
