//! Requests: authentication, versions, idempotency keys, and the failures that a test asks for.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode},
};
use serde_json::{Value, json};

use crate::{Fault, Received, Shared, locked, operations};

/// Longest body of a request.
const MAX_BODY: usize = 1024 * 1024;

/// A refusal in Stripe's shape.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: Value,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, message: &str) -> Self {
        let error = json!({"type": "invalid_request_error", "code": code, "message": message});
        Self { status, error }
    }

    pub(crate) fn parameter(code: &str, param: &str, message: &str) -> Self {
        let error = json!({"type": "invalid_request_error", "code": code, "param": param, "message": message});
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
        }
    }

    pub(crate) fn missing(param: &str, id: &str) -> Self {
        Self::parameter("resource_missing", param, &format!("No such {param}: '{id}'"))
    }

    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        let mut refusal = Self::missing(kind, id);
        refusal.status = StatusCode::NOT_FOUND;
        refusal
    }
}

/// The result of a request with an idempotency key.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    /// It is running.
    Running,
    /// What it was answered.
    Done(StatusCode, Value),
}

/// What a key was first used for, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct KeyUse {
    request: (String, Bytes),
    result: Stored,
}

type Answer = (StatusCode, Value, Vec<(&'static str, &'static str)>);

/// Responds to a request.
pub(crate) async fn respond(shared: Arc<Shared>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return render(refused(&Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "too large",
        )));
    };
    let (path, query) = (
        parts.uri.path().to_owned(),
        parts.uri.query().unwrap_or_default().to_owned(),
    );
    let text = |name: &str| header(&parts.headers, name);
    locked(&shared.state).received.push(Received {
        method: parts.method.to_string(),
        path: path.clone(),
        query: query.clone(),
        body: String::from_utf8_lossy(&body).into_owned(),
        idempotency_key: text("idempotency-key"),
        version: text("stripe-version"),
    });
    if shared.hangs.load(std::sync::atomic::Ordering::SeqCst) {
        futures::future::pending::<()>().await;
    }
    let fault = locked(&shared.state).take_fault(&path);
    match fault {
        Some(Fault::Hang) => futures::future::pending::<Response<Body>>().await,
        Some(Fault::Refused {
            status,
            should_retry,
            retry_after,
        }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let mut headers = Vec::new();
            headers.extend(should_retry.map(|retry| ("stripe-should-retry", if retry { "true" } else { "false" })));
            headers.extend(retry_after.map(|seconds| ("retry-after", seconds)));
            let error = json!({"error": {"type": "api_error", "message": "An error occurred."}});
            render((status, error, headers))
        }
        fault => {
            let request = (parts.method, path, query, body, parts.headers);
            let answer = execute(&shared, request, matches!(fault, Some(Fault::StoredFailure)));
            if matches!(fault, Some(Fault::LostResponse)) {
                // Carried out; the client learns nothing.
                return cut();
            }
            render(answer)
        }
    }
}

fn execute(
    shared: &Shared,
    (method, path, query, body, headers): (Method, String, String, Bytes, HeaderMap),
    fails: bool,
) -> Answer {
    let text = |name: &str| header(&headers, name);
    let is_authorized = text("authorization").is_some_and(|value| value.starts_with("Bearer sk_test_"));
    if !is_authorized {
        let refusal = Refusal::new(
            StatusCode::UNAUTHORIZED,
            "api_key_invalid",
            "You did not provide an API key.",
        );
        return refused(&refusal);
    }
    if text("stripe-version").is_none_or(|version| version.len() < 10) {
        return refused(&Refusal::parameter("version", "Stripe-Version", "Name a version."));
    }
    let is_form = text("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if method == Method::POST && !is_form {
        return refused(&Refusal::parameter("content_type", "Content-Type", "Send a form."));
    }
    let mut state = locked(&shared.state);
    let now = (shared.settings.clock)();
    state.tick(now);
    let key = text("idempotency-key").filter(|_| method == Method::POST);
    if let Some(known) = key.as_ref().and_then(|key| state.keys.get(key)) {
        if known.request != (path.clone(), body.clone()) {
            let message = "Keys for idempotent requests can only be used with the same parameters they were first \
                           used with.";
            let error = json!({"error": {"type": "idempotency_error", "message": message}});
            return (StatusCode::BAD_REQUEST, error, Vec::new());
        }
        return match &known.result {
            Stored::Running => {
                let error = json!({"error": {"type": "invalid_request_error", "code": "idempotency_key_in_use",
                    "message": "There is currently another in-progress request using this Idempotent Key."}});
                (StatusCode::CONFLICT, error, vec![("stripe-should-retry", "true")])
            }
            Stored::Done(status, answer) => (*status, answer.clone(), vec![("idempotent-replayed", "true")]),
        };
    }
    let operation = match operations::find(&method, &path) {
        Ok(operation) => operation,
        Err(refusal) => return refused(&refusal),
    };
    let encoded = if method == Method::POST {
        String::from_utf8_lossy(&body).into_owned()
    } else {
        query
    };
    // Invalid parameters are refused before anything is executed, and not stored.
    let params = match operation.read(&encoded) {
        Ok(params) => params,
        Err(refusal) => return refused(&refusal),
    };
    let result = if fails {
        let error = json!({"error": {"type": "api_error", "message": "An unknown error occurred."}});
        (StatusCode::INTERNAL_SERVER_ERROR, error)
    } else {
        match operation.execute(&mut state, &shared.settings, &params, now) {
            Ok(answer) => (StatusCode::OK, answer),
            Err(refusal) => (refusal.status, json!({"error": refusal.error})),
        }
    };
    if let Some(key) = key {
        let used = KeyUse {
            request: (path, body),
            result: Stored::Done(result.0, result.1.clone()),
        };
        state.keys.insert(key, used);
    }
    drop(state);
    shared.save();
    (result.0, result.1, Vec::new())
}

/// Marks a key as that of a request that is still running.
pub(crate) fn running(path: &str, body: &str) -> KeyUse {
    KeyUse {
        request: (path.to_owned(), Bytes::copy_from_slice(body.as_bytes())),
        result: Stored::Running,
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn refused(refusal: &Refusal) -> Answer {
    (refusal.status, json!({"error": refusal.error}), Vec::new())
}

fn render((status, body, headers): Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let all = [("content-type", "application/json"), ("request-id", "req_double")];
    for (name, value) in all.into_iter().chain(headers) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A response that ends before its announced length.
fn cut() -> Response<Body> {
    let pieces = futures::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("cut"))]);
    let mut response = Response::new(Body::from_stream(pieces));
    response
        .headers_mut()
        .insert("content-length", HeaderValue::from_static("4096"));
    response
}
