//! A receiver of webhooks on this machine, which stacks may reach because the test says so.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Response, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore};

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The ID of the event.
    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The type of the event.
    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Whether one of its signatures is by this secret.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(tag));
        self.header("webhook-signature").split(' ').any(|one| one == expected)
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    /// The next answers; 200 after them.
    answers: VecDeque<(u16, Option<&'static str>)>,
    /// What is answered instead of them.
    always: Option<u16>,
}

/// A receiver.
#[derive(Clone)]
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Paths that begin with `/slow` are answered when this has permits.
    gate: Arc<Semaphore>,
}

impl Receiver {
    #[expect(clippy::disallowed_methods, reason = "the receiver runs beside the test")]
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        };
        let own = receiver.clone();
        let router = Router::new().fallback(move |request: Request| {
            let own = own.clone();
            async move { own.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    async fn answer(self, request: Request) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let path = head.uri.path().to_owned();
        let (status, retry_after) = {
            let mut state = self.state.lock().unwrap();
            state.received.push(Received {
                path: path.clone(),
                headers: head.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            });
            match state.always {
                Some(status) => (status, None),
                None => state.answers.pop_front().unwrap_or((200, None)),
            }
        };
        if path.starts_with("/slow") {
            self.gate.acquire().await.unwrap().forget();
        }
        let mut response = Response::new(Body::from(format!("{status} of the receiver{}", "!".repeat(2_000))));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert("retry-after", HeaderValue::from_static(seconds));
        }
        response
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The value of `ALLOW_PRIVATE_FETCH` with which a stack may reach it.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Answers the next requests with these statuses, and `Retry-After` in seconds.
    pub(crate) fn answers(&self, answers: &[(u16, Option<&'static str>)]) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// Answers every request with this status, or as before with `None`.
    pub(crate) fn always(&self, status: Option<u16>) {
        self.state.lock().unwrap().always = status;
    }

    /// What it got so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// The types of what it got so far.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.received().iter().map(Received::kind).collect()
    }

    /// Lets so many slow requests be answered.
    pub(crate) fn open(&self, permits: usize) {
        self.gate.add_permits(permits);
    }
}
