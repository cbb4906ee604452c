//! One port for all services: for programs of this machine that sign their requests, and not for web pages, except for
//! uploads that the CORS rules of the bucket allow.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ORIGIN, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::ACCESS_KEY_ID;
use super::bedrock::Bedrock;
use super::dynamodb::Proxy;
use super::dynamodb::faults::ConnectionBroken;
use super::folder::Folder;
use super::iam::{self, Iam};
use super::s3::S3;
use super::secrets::Secrets;
use super::signature;
use super::sqs::Sqs;
use super::wire::{read, target};
use crate::listener::{self, RequestTimeouts};
use crate::request_origin::{HostError, is_of_foreign_page, require_host};

/// All services that a request may reach.
pub(super) struct Services {
    pub(super) iam: Arc<Iam>,
    pub(super) bedrock: Bedrock,
    pub(super) sqs: Arc<Sqs>,
    pub(super) secrets: Secrets,
    pub(super) s3: S3,
    pub(super) dynamodb: Proxy,
    /// Keeps the folder locked, or in existence, while a request can still write to it.
    pub(super) _folder: Folder,
}

/// Serves until `stop`, then lets open requests finish. Dropping the future aborts them.
pub(super) async fn serve(
    listener: TcpListener,
    services: Arc<Services>,
    timeouts: RequestTimeouts,
    stop: CancellationToken,
) {
    let handle = move |request| {
        let services = Arc::clone(&services);
        async move { services.route(request).await }
    };
    listener::serve(listener, timeouts, stop, handle).await;
}

/// Makes an object harmless: an upload must not run as a page of this origin, where it could read other data.
fn harmless(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let media_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let media_type = media_type.to_ascii_lowercase();
    let is_active = |part: &[u8]| media_type.windows(part.len()).any(|window| window == part);
    if media_type.is_empty() || [&b"html"[..], b"xml", b"svg"].into_iter().any(is_active) {
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'"),
        );
    }
    response
}

impl Services {
    async fn route(&self, request: Request<Body>) -> Result<Response<Body>, ConnectionBroken> {
        match require_host(&request, &[]) {
            Ok(()) => {}
            Err(HostError::Malformed) => {
                return Ok(refusal(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequest",
                    "A request has one Host header.",
                ));
            }
            Err(HostError::Unknown) => {
                let said = "This endpoint answers to localhost and 127.0.0.1 only.";
                return Ok(refusal(StatusCode::FORBIDDEN, "AccessDenied", said));
            }
        }
        let is_for_bucket = target(&request).0.is_empty() && !Bedrock::is_asked(&request);
        if is_of_foreign_page(request.method(), request.headers(), None) && !(is_for_bucket && self.may_put(&request)) {
            let said = "This endpoint answers programs, and pages only what the CORS rules of the bucket allow their \
                        origin (BROWSER_ORIGINS).";
            return Ok(refusal(StatusCode::FORBIDDEN, "AccessForbidden", said));
        }
        // The bucket verifies callers itself: presigned URLs have their signature in the query.
        if is_for_bucket {
            return Ok(harmless(self.s3.serve(request).await));
        }
        let request = match self.check(request).await {
            Ok(request) => request,
            Err(refusal) => return Ok(refusal),
        };
        if Bedrock::is_asked(&request) {
            return Ok(self.bedrock.serve(&self.iam, request).await);
        }
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

    /// Returns whether the bucket accepts the request from a page of its origin, or has to answer its preflight.
    fn may_put(&self, request: &Request<Body>) -> bool {
        let origin = request.headers().get(ORIGIN);
        request.method() == Method::OPTIONS || self.s3.allows(origin, request.method())
    }

    /// Accepts signed requests that the caller may send. Amazon Bedrock checks permissions itself.
    async fn check(&self, request: Request<Body>) -> Result<Request<Body>, Response<Body>> {
        let service = match target(&request).0 {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => "dynamodb",
            "AmazonSQS" => "sqs",
            "secretsmanager" => "secretsmanager",
            _ if Bedrock::is_asked(&request) => "bedrock",
            _ => return Err(unknown_service()),
        };
        let (parts, body) = request.into_parts();
        let body = read(body)
            .await
            .map_err(|reason| refusal(StatusCode::BAD_REQUEST, "RequestTooLarge", &reason))?;
        signature::verify(&parts, &body, service, |id| self.iam.secret_of(id)).map_err(|error| {
            tracing::warn!(service, ?error, "aws.signature_refused");
            error.response(service)
        })?;
        let request = Request::from_parts(parts, ());
        let denied = iam::caller(&request).and_then(|function| self.iam.check_json(function, &request, &body));
        match denied {
            Some(refusal) => Err(refusal),
            None => Ok(request.map(|()| Body::from(body))),
        }
    }
}

fn unknown_service() -> Response<Body> {
    refusal(
        StatusCode::BAD_REQUEST,
        "InvalidRequest",
        "The embedded cloud has no such service.",
    )
}

/// Returns an error before any service, in the format of S3.
fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
