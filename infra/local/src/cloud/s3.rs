//! S3: s3s on a directory, with its traps closed.
//!
//! `s3s-fs` 0.14 checks conditions before it reads the body and renames before it verifies checksums, lets
//! `..` in a key reach another bucket, creates missing buckets, leaves the metadata of deleted objects behind
//! and confuses folders with objects. [`Guarded`](guard::Guarded) lets it write into a staging area only and moves
//! what is complete and correct into place itself, under one lock that is never held while a body streams.

pub(super) mod cors;
mod guard;
mod multipart;
mod objects;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};

use self::cors::Cors;
pub(super) use self::objects::Objects;
use super::folder::not_writable;
use super::iam::{
    Iam,
    s3::{Gate, KnownKeys},
};
use super::{Clock, StartError};

/// The objects below a folder, as a service that verifies signatures.
pub(super) struct S3 {
    service: S3Service,
    root: PathBuf,
    cors: Cors,
    clock: Clock,
}

impl S3 {
    pub(super) fn open(root: &Path, iam: Arc<Iam>, cors: Cors, clock: Clock) -> Result<Self, StartError> {
        let objects = Objects::open(root).map_err(not_writable(root))?;
        let files = s3s_fs::FileSystem::new(root).map_err(|error| StartError::Damaged {
            path: root.to_owned(),
            reason: format!("{error:?}"),
        })?;
        let keys = KnownKeys(Arc::clone(&iam));
        let gate = Gate {
            iam,
            objects: objects.clone(),
        };
        let mut builder = S3ServiceBuilder::new(guard::Guarded::new(files, objects));
        builder.set_auth(keys);
        builder.set_access(gate);
        // It compares dates with the time of this machine. The clock of this process can be moved, and
        // links follow it.
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Ok(Self {
            service: builder.build(),
            root: root.to_owned(),
            cors,
            clock,
        })
    }

    /// Returns whether pages of this origin may send requests with this method.
    pub(super) fn allows(&self, origin: Option<&HeaderValue>, method: &Method) -> bool {
        self.cors.allows(origin, method)
    }

    /// Responds to one request.
    pub(super) async fn serve(&self, mut request: Request<Body>) -> Response<Body> {
        if let Some(answer) = self.cors.preflight(request.method(), request.headers()) {
            return answer;
        }
        if has_expired(request.uri().query().unwrap_or_default(), (self.clock)()) {
            return expired();
        }
        merge_encodings(request.headers_mut());
        let (origin, method) = (request.headers().get(ORIGIN).cloned(), request.method().clone());
        match self.service.call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(response) => {
                if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
                    let folder = self.root.display();
                    tracing::error!(%folder, "s3 could not read or write a file: is the disk full, or the file damaged?");
                }
                let mut response = response.map(Body::new);
                self.cors.expose(origin.as_ref(), &method, response.headers_mut());
                response
            }
            Err(error) => {
                tracing::error!(?error, "s3 failed");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }
}

/// Returns whether a presigned address has expired at this time, in milliseconds since the Unix epoch.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
fn has_expired(query: &str, now_ms: i64) -> bool {
    let parameters: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let signed = parameters
        .get("X-Amz-Date")
        .and_then(|date| date.parse::<domain::Timestamp>().ok());
    let seconds = parameters
        .get("X-Amz-Expires")
        .and_then(|seconds| seconds.parse::<i64>().ok());
    let Some((signed, seconds)) = signed.zip(seconds) else {
        return false;
    };
    signed.as_millisecond().saturating_add(seconds.saturating_mul(1000)) < now_ms
}

/// What S3 answers to a request with an expired address.
fn expired() -> Response<Body> {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                <Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(CONTENT_TYPE, xml);
    response
}

/// The SDKs send the encoding of the object and that of the transfer as two headers, which s3s refuses.
/// Joined by a comma they mean the same, to the signature as well.
fn merge_encodings(headers: &mut HeaderMap) {
    let all: Vec<_> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if all.len() > 1
        && let Ok(merged) = HeaderValue::from_bytes(&all.join(&b','))
    {
        headers.insert(CONTENT_ENCODING, merged);
    }
}
