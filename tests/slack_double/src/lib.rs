//! A double of Slack: an HTTP server with the methods of the Web API that the product calls, as strict as Slack about
//! tokens, arguments and limits; the threads that people would see; and signatures as Slack makes them.
//!
//! ```ignore
//! let slack = SlackDouble::start().await?;
//! slack.next("chat.startStream", Fault::Refused("channel_not_found"));   // what happens to the next such call
//! assert_eq!(slack.thread("C1", "1.1")[0].text, "Two years. [1]");
//! ```
//!
//! It shares nothing with the client that is tested against it.

mod methods;
mod workspace;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

pub use workspace::{BOT_USER, Posted, Workspace};

/// What the platform's app is signed with.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// The platform's app.
pub const CLIENT_ID: &str = "111.222";
/// Its secret.
pub const CLIENT_SECRET: &str = "client-secret-of-the-double";

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with this code; HTTP 200, as ever.
    Refused(&'static str),
    /// Too many calls: 429 with `Retry-After` in seconds.
    RateLimited(u64),
    /// HTTP 500 without JSON, and nothing is done.
    Broken,
    /// It is carried out, and its response is lost.
    LostResponse,
    /// It is never answered, and nothing is done.
    Hang,
}

/// A call that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The method, or `response_url`.
    pub method: String,
    /// The arguments.
    pub arguments: Value,
}

struct Shared {
    workspace: Mutex<Workspace>,
    calls: Mutex<Vec<Call>>,
    next: Mutex<HashMap<String, VecDeque<Fault>>>,
    changed: Notify,
}

/// A running double. It stops when this is dropped.
pub struct SlackDouble {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SlackDouble {
    /// A double on any free port of this machine.
    ///
    /// # Errors
    /// When no port is free.
    #[expect(clippy::disallowed_methods, reason = "it is ended when the double is dropped")]
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            workspace: Mutex::default(),
            calls: Mutex::default(),
            next: Mutex::default(),
            changed: Notify::new(),
        });
        let router = Router::new()
            .route("/api/{method}", post(call))
            .route("/commands/{id}", post(respond))
            .route("/files/{id}", get(download))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            shared,
            address,
            server,
        })
    }

    /// Base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment in which Slack is this double.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SLACK_BASE_URL", self.url()),
            ("SLACK_CLIENT_ID", CLIENT_ID.to_owned()),
            ("SLACK_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            ("SLACK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
        ]
    }

    /// The workspaces and what was said in them.
    pub fn workspace(&self) -> MutexGuard<'_, Workspace> {
        locked(&self.shared.workspace)
    }

    /// What happens to the next call of a method that has no fault yet.
    pub fn next(&self, method: &str, fault: Fault) {
        let mut next = locked(&self.shared.next);
        next.entry(method.to_owned()).or_default().push_back(fault);
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.shared.calls).clone()
    }

    /// The calls of one method so far.
    pub fn calls_of(&self, method: &str) -> Vec<Value> {
        let calls = self.calls().into_iter().filter(|call| call.method == method);
        calls.map(|call| call.arguments).collect()
    }

    /// Waits until the calls are as wanted.
    pub async fn until(&self, wanted: impl Fn(&[Call]) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            if wanted(&locked(&self.shared.calls)) {
                return;
            }
            changed.await;
        }
    }

    /// The visible messages of the bot in a thread, oldest first.
    pub fn thread(&self, channel: &str, thread: &str) -> Vec<Posted> {
        self.workspace().thread(channel, thread)
    }
}

impl Drop for SlackDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The signature of a request of Slack's.
pub fn sign(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [format!("v0:{timestamp}:").as_bytes(), body].concat();
    format!("v0={}", hex::encode(hmac::sign(&key, &signed)))
}

fn answer(answer: &Value) -> Response {
    (
        StatusCode::OK,
        [("content-type", "application/json")],
        answer.to_string(),
    )
        .into_response()
}

async fn call(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = locked(&shared.next).get_mut(&method).and_then(VecDeque::pop_front);
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let is_json = text("content-type").starts_with("application/json");
    let arguments: Value = if is_json {
        serde_json::from_slice(&body).unwrap_or_default()
    } else {
        let pairs = form_urlencoded::parse(&body).map(|(name, value)| (name.into_owned(), json!(value)));
        Value::Object(pairs.collect())
    };
    let token = text("authorization")
        .strip_prefix("Bearer ")
        .unwrap_or_default()
        .to_owned();
    locked(&shared.calls).push(Call {
        method: method.clone(),
        arguments: arguments.clone(),
    });
    shared.changed.notify_waiters();
    match fault {
        Some(Fault::Refused(code)) => return answer(&json!({"ok": false, "error": code})),
        Some(Fault::RateLimited(seconds)) => {
            let body = json!({"ok": false, "error": "ratelimited"}).to_string();
            let headers = [("retry-after", seconds.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response();
        }
        Some(Fault::Broken) => return (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(),
        Some(Fault::Hang) => std::future::pending::<()>().await,
        Some(Fault::LostResponse) | None => {}
    }
    // Methods that read take forms only, and say `invalid_arguments` to JSON.
    let done = if is_json && methods::READS.contains(&method.as_str()) {
        Err("invalid_arguments")
    } else {
        methods::execute(&mut locked(&shared.workspace), &method, &token, &arguments)
    };
    if fault == Some(Fault::LostResponse) {
        return (StatusCode::BAD_GATEWAY, "upstream").into_response();
    }
    match done {
        Ok(mut done) => {
            done["ok"] = json!(true);
            answer(&done)
        }
        Err(code) => answer(&json!({"ok": false, "error": code})),
    }
}

async fn respond(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    let arguments: Value = serde_json::from_slice(&body).unwrap_or_default();
    let checked = methods::check_message(&arguments);
    locked(&shared.calls).push(Call {
        method: "response_url".to_owned(),
        arguments: json!({"id": id, "message": arguments}),
    });
    match checked {
        Ok(()) => (StatusCode::OK, "ok").into_response(),
        Err(code) => (StatusCode::BAD_REQUEST, code).into_response(),
    }
}

async fn download(State(shared): State<Arc<Shared>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let workspace = locked(&shared.workspace);
    let is_allowed = token
        .strip_prefix("Bearer ")
        .is_some_and(|token| workspace.team_of(token).is_some());
    match workspace.files.get(&id).filter(|_| is_allowed) {
        Some(bytes) => (
            StatusCode::OK,
            [("content-type", "application/octet-stream")],
            bytes.clone(),
        )
            .into_response(),
        // As Slack does: its page for signing in, with status 200.
        None => (StatusCode::OK, [("content-type", "text/html")], "<html>Sign in</html>").into_response(),
    }
}
