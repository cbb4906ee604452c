//! `/_local/*`: operations on the stack for developers and tests; and the pages that emailed links lead to. Both exist
//! in this process only.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Request, State, rejection::JsonRejection},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HOST},
    },
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use domain::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    outbox::Mail,
    pages,
    payments::PaymentAction,
    request_origin::{HostError, is_of_foreign_page, require_host},
    stack::Local,
};

/// Longest step of the clock: ten years.
const MAX_STEP_SECONDS: u64 = 10 * 366 * 24 * 3600;
/// The latest time of the clock, so that any sum of steps is a valid date: the year 2500.
const LATEST_MS: i64 = 16_725_225_600_000;

/// Returns the routes. `stage`: the stage of the API.
pub(crate) fn routes(local: Arc<Local>, stage: Option<&str>) -> Router {
    let routes = [
        ("/_local/outbox", get(outbox)),
        ("/_local/clock", post(clock)),
        ("/_local/run/{schedule}", post(run)),
        ("/_local/drain", post(drain)),
        ("/_local/dlq", get(dead_letters)),
        ("/_local/dlq/{queue}/redrive", post(redrive)),
        ("/_local/payments/{session}", get(payment).post(pay)),
    ];
    let mut all = Router::new();
    for (path, handler) in routes {
        // As everywhere, a trailing slash is ignored.
        all = all.route(path, handler.clone()).route(&format!("{path}/"), handler);
    }
    all.route("/_local/{*unknown}", any(unknown))
        .merge(pages::routes(stage))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(from_this_machine))
        .with_state(local)
}

async fn unknown() -> Response {
    let detail = "There is nothing at this path; infra/local/README.md lists what is below `/_local`.";
    refuse(StatusCode::NOT_FOUND, "unknown_route", detail)
}

async fn wrong_method() -> Response {
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This path does not know the method; the `Allow` header lists those it knows.",
    )
}

/// Restricts `router` to requests for this server: requests for another host name are refused, so that a web page
/// cannot resolve its own name to this server (DNS rebinding). `hosts`: accepted names besides those of this machine.
pub(crate) fn for_this_server(router: Router, hosts: Vec<String>) -> Router {
    let hosts: Arc<[String]> = hosts.into();
    router.layer(from_fn(move |request: Request, next: Next| {
        let hosts = Arc::clone(&hosts);
        async move {
            match require_host(&request, &hosts) {
                Ok(()) => next.run(request).await,
                Err(HostError::Malformed) => {
                    let detail = "Send one `Host` header with the name of the server.";
                    refuse(StatusCode::BAD_REQUEST, "invalid_host", detail)
                }
                Err(HostError::Unknown) => {
                    let detail = "This server answers to `localhost`, `127.0.0.1` and the host of PUBLIC_URL.";
                    refuse(StatusCode::FORBIDDEN, "forbidden", detail)
                }
            }
        }
    }))
}

/// Refuses requests of other pages in a developer's browser: they must not move the clock or read emails, whatever
/// their host name.
async fn from_this_machine(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let own = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_foreign = is_of_foreign_page(request.method(), headers, own);
    if require_host(&request, &[]).is_ok() && !is_foreign {
        next.run(request).await
    } else {
        refuse(
            StatusCode::FORBIDDEN,
            "forbidden",
            "This answers to its own pages and to programs of this machine only.",
        )
    }
}

#[derive(Deserialize)]
struct Step {
    advance_seconds: u64,
}

async fn outbox(State(local): State<Arc<Local>>) -> Response {
    // The reader of an email sees who wrote its text.
    let shown = |mail| Mail { about: None, ..mail };
    let mails: Vec<_> = local.outbox.newest_first().into_iter().map(shown).collect();
    Json(mails).into_response()
}

async fn clock(State(local): State<Arc<Local>>, step: Result<Json<Step>, JsonRejection>) -> Response {
    let Json(Step { advance_seconds }) = match step {
        Ok(step) => step,
        Err(rejection) => return refuse(rejection.status(), "invalid", &rejection.body_text()),
    };
    let step = Duration::from_secs(advance_seconds);
    let until = i64::try_from(step.as_millis()).ok();
    let until = until.and_then(|step| local.app.clock.now_ms().checked_add(step));
    if advance_seconds > MAX_STEP_SECONDS || until.is_none_or(|until| until > LATEST_MS) {
        let detail = "The clock moves ten years at most with one call, and never past the year 2500.";
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
    }
    local.advance(step);
    Json(json!({"now": local.app.clock.now()})).into_response()
}

async fn run(State(local): State<Arc<Local>>, Path(schedule): Path<String>) -> Response {
    match local.run(&schedule).await {
        Some(Ok(())) => Json(json!({"ran": schedule})).into_response(),
        Some(Err(error)) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", &format!("{error:?}")),
        None => refuse(StatusCode::NOT_FOUND, "not_found", "There is no such schedule."),
    }
}

async fn drain(State(local): State<Arc<Local>>) -> Response {
    match local.drain().await {
        Ok(left) => Json(left).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error),
    }
}

async fn dead_letters(State(local): State<Arc<Local>>) -> Response {
    let mut queues = Map::new();
    for worker in &local.workers {
        let letters = match worker.dlq() {
            Ok(letters) => letters.into_iter().map(|letter| {
                json!({
                    "message_id": letter.id,
                    "body": letter.body,
                    "receive_count": letter.receive_count,
                    "sent_at": at(letter.sent_ms),
                    "first_received_at": letter.first_received_ms.map(at),
                    "last_received_at": letter.last_received_ms.map(at),
                })
            }),
            Err(error) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()),
        };
        queues.insert(worker.queue().to_owned(), letters.collect());
    }
    Json(Value::Object(queues)).into_response()
}

async fn redrive(State(local): State<Arc<Local>>, Path(queue): Path<String>) -> Response {
    let Some(worker) = local.workers.iter().find(|worker| worker.queue() == queue) else {
        return refuse(StatusCode::NOT_FOUND, "not_found", "There is no such queue.");
    };
    match worker.redrive() {
        Ok(moved) => Json(json!({"moved": moved})).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()),
    }
}

#[derive(Deserialize)]
struct Payment {
    action: PaymentAction,
}

const NO_SESSION: &str = "There is no such session. A real key of Stripe's makes its own pages.";

async fn payment(State(local): State<Arc<Local>>, Path(session): Path<String>) -> Response {
    match local.payments.as_ref().and_then(|payments| payments.state(&session)) {
        Some(state) => Json(state).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "not_found", NO_SESSION),
    }
}

async fn pay(
    State(local): State<Arc<Local>>,
    Path(session): Path<String>,
    payment: Result<Json<Payment>, JsonRejection>,
) -> Response {
    let Json(Payment { action }) = match payment {
        Ok(payment) => payment,
        Err(rejection) => return refuse(rejection.status(), "invalid", &rejection.body_text()),
    };
    let state = match &local.payments {
        Some(payments) => payments.act(&session, action).await,
        None => None,
    };
    match state {
        Some(state) => Json(state).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "not_found", NO_SESSION),
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// Returns a problem response in the format of the API (RFC 9457).
fn refuse(status: StatusCode, code: &str, detail: &str) -> Response {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    (
        status,
        [(CONTENT_TYPE, "application/problem+json")],
        problem.to_string(),
    )
        .into_response()
}
