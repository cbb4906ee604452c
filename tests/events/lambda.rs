//! What `lambda_http::run` and `lambda_http::run_with_streaming_response` do with one event: the event becomes a
//! request, and the response what goes back to the gateway.

use std::convert::Infallible;

use axum::{
    Router,
    http::{Uri, uri::PathAndQuery},
};
use futures::TryStreamExt as _;
use lambda_http::{
    Adapter, Body, Context, LambdaEvent, Request, RequestExt as _, Service, StreamAdapter, request::LambdaRequest,
    tower::ServiceExt as _,
};
use serde_json::Value;

/// What goes back to the gateway.
pub(super) struct Reply {
    /// Status and headers; of a worker, all of its answer.
    pub(super) head: Value,
    pub(super) body: String,
    /// Parts in which the body left the function.
    pub(super) pieces: usize,
}

impl Reply {
    /// The answer of a worker.
    pub(super) fn of_worker(head: Value) -> Self {
        Self {
            head,
            body: String::new(),
            pieces: 0,
        }
    }

    /// The answer that [`whole`] gave.
    pub(super) fn of_whole(head: Value) -> Self {
        let text = head["body"].as_str().unwrap_or_default();
        let body = Body::from_maybe_encoded(head["isBase64Encoded"].as_bool().unwrap(), text);
        let body = String::from_utf8(body.to_vec()).unwrap();
        Self { head, body, pieces: 1 }
    }

    /// The first value of a header.
    pub(super) fn header(&self, name: &str) -> &str {
        let whole = self.head["multiValueHeaders"][name][0].as_str();
        whole.or(self.head["headers"][name].as_str()).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The JSON that a function without streaming answers.
pub(super) async fn whole(router: Router, event: &str) -> Value {
    let answered = Adapter::from(service(router)).call(invocation(event)).await;
    serde_json::to_value(answered.unwrap()).unwrap()
}

/// The head and the pieces that a streaming function answers.
pub(super) async fn streamed(router: Router, event: &str) -> Reply {
    let answered = StreamAdapter::from(service(router)).call(invocation(event)).await;
    let answered = answered.unwrap();
    let head = serde_json::to_value(&answered.metadata_prelude).unwrap();
    let pieces: Vec<_> = answered.stream.try_collect().await.unwrap();
    Reply {
        head,
        body: String::from_utf8(pieces.concat()).unwrap(),
        pieces: pieces.len(),
    }
}

fn invocation(event: &str) -> LambdaEvent<LambdaRequest> {
    LambdaEvent::new(serde_json::from_str(event).unwrap(), Context::default())
}

type Response = axum::http::Response<axum::body::Body>;

fn service(router: Router) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> {
    router.map_request(as_in_the_binary)
}

/// The path as the client wrote it, and the source that the gateway saw. The functions' environment has `AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH`, without
/// which `lambda_http` puts the stage before it; a test cannot set a variable of its process safely.
fn as_in_the_binary(mut request: Request) -> Request {
    let query = request.uri().query().map(|query| format!("?{query}"));
    let text = format!("{}{}", request.raw_http_path(), query.unwrap_or_default());
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).unwrap());
    *request.uri_mut() = Uri::from_parts(parts).unwrap();
    runtime::with_source(request)
}
