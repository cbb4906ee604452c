//! Counts what an application asks of the tables.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use app::App;
use axum::{Router, body::to_bytes, extract::Request, response::IntoResponse as _};

use super::Test;

/// An application of its own on the services of a stack, with a counter in between.
pub(crate) struct Metered {
    pub(crate) app: App,
    calls: Arc<AtomicUsize>,
    silent: Arc<AtomicBool>,
    _server: tokio::task::JoinSet<()>,
}

impl Metered {
    pub(crate) async fn new(t: &Test) -> Self {
        let (calls, silent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (http, behind) = (reqwest::Client::builder().build().unwrap(), t.stack.aws_endpoint());
        let forward = {
            let (calls, silent) = (calls.clone(), silent.clone());
            move |request: Request| async move {
                let (parts, body) = request.into_parts();
                let target = parts
                    .headers
                    .get("x-amz-target")
                    .and_then(|target| target.to_str().ok());
                if target.is_some_and(|target| target.starts_with("DynamoDB")) {
                    calls.fetch_add(1, Ordering::SeqCst);
                }
                if silent.load(Ordering::SeqCst) && target.is_some_and(|target| target.ends_with("UpdateItem")) {
                    std::future::pending::<()>().await;
                }
                let mut headers = parts.headers;
                headers.remove("host");
                let request = http
                    .request(parts.method, format!("{behind}{}", parts.uri))
                    .headers(headers);
                let answer = request
                    .body(to_bytes(body, usize::MAX).await.unwrap())
                    .send()
                    .await
                    .unwrap();
                (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap()).into_response()
            }
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move { axum::serve(listener, Router::new().fallback(forward)).await.unwrap() });
        let sdk = t.stack.sdk().clone().into_builder().endpoint_url(url).build();
        let of_stack = t.stack.app();
        let app = App::new(&sdk, of_stack.config.clone(), of_stack.clock.clone()).unwrap();
        Self {
            app,
            calls,
            silent,
            _server: server,
        }
    }

    /// From here on no update of an item is answered.
    pub(crate) fn silence_updates(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// Requests to the tables since the last call of this.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}
