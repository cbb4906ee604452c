//! One port for all services.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header::HOST};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ACCESS_KEY_ID;
use super::bedrock::Bedrock;
use super::dynamodb::Proxy;
use super::dynamodb::faults::ConnectionBroken;
use super::folder::Folder;
use super::iam::{self, Iam};
use super::s3::S3;
use super::secrets::Secrets;
use super::sqs::Sqs;
use super::wire::{read, target};

/// Everything a request may reach.
pub(super) struct Services {
    pub(super) iam: Arc<Iam>,
    pub(super) bedrock: Bedrock,
    pub(super) sqs: Arc<Sqs>,
    pub(super) secrets: Secrets,
    pub(super) s3: S3,
    pub(super) dynamodb: Proxy,
    /// Keeps the folder locked, or in place, while a request can still write to it.
    pub(super) _folder: Folder,
}

/// Serves until `stop`, then lets open requests finish. Dropping the future cuts them off.
pub(super) async fn serve(listener: TcpListener, services: Arc<Services>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&services), stop.clone()));
                }
                Err(error) => pause_after(&error).await,
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Out of file descriptors, most likely: trying again at once would spin.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing announces that a descriptor has become free"
)]
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn connection(stream: TcpStream, services: Arc<Services>, stop: CancellationToken) {
    // Small answers would otherwise wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection without nodelay");
    }
    let service = service_fn(move |request| {
        let services = Arc::clone(&services);
        async move { services.route(request).await }
    });
    let http = Builder::new(TokioExecutor::new()).http1_only();
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(error, "connection ended early");
    }
}

impl Services {
    async fn route(&self, request: Request<Incoming>) -> Result<Response<Body>, ConnectionBroken> {
        if !is_local(request.headers()) {
            return Ok(refusal());
        }
        if Bedrock::is_asked(&request) {
            return Ok(self.bedrock.serve(&self.iam, request).await);
        }
        // The bucket checks for itself who calls: links to it carry their signature in the query.
        if target(&request).0.is_empty() {
            return Ok(self.s3.serve(request).await);
        }
        let request = match self.check(request).await {
            Ok(request) => request,
            Err(refusal) => return Ok(refusal),
        };
        let (service, operation) = target(&request);
        let operation = operation.to_owned();
        Ok(match service {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => {
                let meets_faults = iam::access_key_id(&request).is_some_and(|id| id != ACCESS_KEY_ID);
                self.dynamodb.forward(request, meets_faults).await?
            }
            "AmazonSQS" => self.sqs.serve(&operation, request.into_body()).await,
            "secretsmanager" => self.secrets.serve(&operation, request.into_body()).await,
            _ => unknown_service(),
        })
    }

    /// Lets through what the caller may do.
    async fn check(&self, request: Request<Incoming>) -> Result<Request<Body>, Response<Body>> {
        let caller = iam::caller(&request).map(str::to_owned);
        match caller {
            None => Ok(request.map(Body::new)),
            Some(function) => {
                let (parts, body) = request.into_parts();
                let body = read(body).await.map_err(|reason| {
                    let mut response = Response::new(Body::from(reason));
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                    response
                })?;
                let request = Request::from_parts(parts, ());
                match self.iam.check_json(&function, &request, &body) {
                    Some(refusal) => Err(refusal),
                    None => Ok(request.map(|()| Body::from(body))),
                }
            }
        }
    }
}

/// A page in a browser can point its own name at 127.0.0.1 (DNS rebinding) and would then be of the same
/// origin as this port; the `Host` it sends gives it away.
pub(crate) fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    is_local_name(host.unwrap_or_default())
}

/// Whether a host with or without a port is this machine.
pub(crate) fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn unknown_service() -> Response<Body> {
    let mut response = Response::new(Body::from("the embedded cloud has no such service\n"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

fn refusal() -> Response<Body> {
    let mut response = Response::new(Body::from("this endpoint answers to local names only\n"));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}
