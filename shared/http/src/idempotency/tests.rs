use std::sync::atomic::{AtomicU32, Ordering};

use domain::auth::permission::{WriteDocuments, WriteMembers};
use futures::StreamExt as _;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Api, Created, EventStream, Upload,
    testing::{Answer, Server},
};

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
struct Order {
    wanted: u32,
}

/// Counts the executions, so that a second one is noticed.
fn next() -> u32 {
    static EXECUTIONS: AtomicU32 = AtomicU32::new(0);
    EXECUTIONS.fetch_add(1, Ordering::SeqCst)
}

async fn order(crate::Body(order): crate::Body<Order>) -> Result<Created<Vec<u32>>> {
    match order.wanted {
        500 => Err(Error::internal("broken").into()),
        409 => Err(Error::conflict("taken", format!("taken {}", next())).into()),
        429 => Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "slow_down", "Slow down.")),
        666 => panic!("broken"),
        wanted => Ok(Created(vec![next(); wanted as usize])),
    }
}

async fn stream(crate::Body(order): crate::Body<Order>) -> EventStream<u32> {
    let number = next();
    let end = (order.wanted == 500).then(|| Err(Problem::from(Error::internal("broken"))));
    EventStream::new(futures::stream::iter([Ok(number), Ok(number)]).chain(futures::stream::iter(end)))
}

async fn upload(upload: Upload) -> Created<(u32, usize)> {
    Created((next(), upload.file.bytes.len()))
}

fn server() -> Server {
    let api = Api::new("Test")
        .post("/order", order, "")
        .put("/order", order, "")
        .post("/stream", stream, "");
    let api = api.post("/api/order", order, "").post("/v1/order", order, "");
    Server::new(api.post("/upload", upload, ""))
}

async fn send(server: &Server, path: &str, key: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    server.call(request, body.to_owned()).await
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == "true"
}

#[tokio::test]
async fn a_repeated_request_receives_the_first_response_byte_for_byte() {
    let server = server();
    for path in ["/order", "/api/order"] {
        for body in [r#"{"wanted":2}"#, r#"{"wanted":409}"#, r#"{"wanted":"x"}"#] {
            let first = send(&server, path, body, &[], body).await;
            let again = send(&server, path, body, &[], body).await;
            assert_eq!((first.status, &first.body), (again.status, &again.body), "{body}");
            assert_eq!(first.header("content-type"), again.header("content-type"));
            assert_eq!((replayed(&first), replayed(&again)), (false, true));
        }
    }
}

#[tokio::test]
async fn a_key_with_another_request_is_rejected() {
    let server = server();
    let ada = ("authorization", "Bearer ada");
    send(&server, "/order", "k", &[ada], r#"{"wanted":1}"#).await;
    for (path, body, accept) in [
        ("/order", r#"{"wanted":2}"#, "application/json"),
        ("/order?_x=1", r#"{"wanted":1}"#, "application/json"),
        ("/order", r#"{"wanted":1}"#, "text/event-stream"),
    ] {
        send(&server, path, "k", &[ada, ("accept", accept)], body)
            .await
            .problem(422, "idempotency_key_reused");
    }
    for bad in ["", "with space", &"x".repeat(256)] {
        send(&server, "/order", bad, &[], "{}")
            .await
            .problem(400, "invalid_idempotency_key");
    }
    send(&server, "/order", "a", &[("idempotency-key", "b")], "{}")
        .await
        .problem(400, "repeated_header");
}

#[tokio::test]
async fn anonymous_callers_with_the_same_key_are_isolated() {
    let server = server();
    for body in [r#"{"wanted":1}"#, r#"{"wanted":2}"#] {
        let first = send(&server, "/order", "k", &[], body).await;
        assert_eq!((first.status, replayed(&first)), (StatusCode::CREATED, false));
    }
    assert!(replayed(&send(&server, "/order", "k", &[], r#"{"wanted":1}"#).await));
}

#[tokio::test]
async fn a_response_with_secrets_is_never_stored() {
    let api = Api::new("Test")
        .on_both_prefixes()
        .post("/secret", order, "")
        .non_idempotent();
    let server = Server::new(api.post("/order", order, ""));
    for path in ["/api/v1/secret", "/api/secret"] {
        let first = send(&server, path, "k", &[], r#"{"wanted":1}"#).await;
        let again = send(&server, path, "k", &[], r#"{"wanted":1}"#).await;
        assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
        assert_ne!(first.body, again.body);
    }
    assert_eq!(server.backend.keys(), 0);
    send(&server, "/api/order", "k", &[], r#"{"wanted":1}"#).await;
    assert_eq!(server.backend.keys(), 1, "other operations have their own");
}

#[tokio::test]
async fn keys_of_other_callers_organizations_paths_and_methods_are_other_keys() {
    let server = server();
    let body = r#"{"wanted":1}"#;
    let (ada, eve) = (("authorization", "Bearer ada"), ("authorization", "Bearer eve"));
    for headers in [&[][..], &[ada], &[eve], &[ada, ("x-current-org", "acme")]] {
        assert!(!replayed(&send(&server, "/order", "k", headers, body).await));
        assert!(replayed(&send(&server, "/order", "k", headers, body).await));
    }
    assert!(!replayed(&send(&server, "/api/order", "k", &[], body).await));
    let put = http::Request::put("/order")
        .header("content-type", "application/json")
        .header("idempotency-key", "k");
    assert!(!replayed(&server.call(put, body).await));
}

#[tokio::test]
async fn a_retryable_failure_releases_the_key() {
    let server = server();
    for (wanted, status) in [(500, 500), (666, 500), (429, 429)] {
        let body = format!(r#"{{"wanted":{wanted}}}"#);
        for _ in 0..2 {
            let answer = send(&server, "/order", "k", &[], &body).await;
            assert_eq!((answer.status.as_u16(), replayed(&answer)), (status, false));
        }
        assert_eq!(server.backend.keys(), 0);
    }
}

#[tokio::test]
async fn a_second_request_during_the_first_is_told_to_wait() {
    let server = server();
    let request = || {
        http::Request::post("/stream")
            .header("content-type", "application/json")
            .header("idempotency-key", "k")
    };
    let running = server.open(request(), r#"{"wanted":1}"#).await;
    let second = server.call(request(), r#"{"wanted":1}"#).await;
    second.problem(409, "in_progress");
    assert_eq!(second.header("retry-after"), "1");
    assert!(
        !running
            .into_body()
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default()
            .is_empty()
    );
    assert!(replayed(&server.call(request(), r#"{"wanted":1}"#).await));
}

#[tokio::test]
async fn a_stream_is_repeated_when_it_ended_well_even_when_its_client_went_away() {
    let server = server();
    let first = send(&server, "/stream", "k", &[], r#"{"wanted":1}"#).await;
    let again = send(&server, "/stream", "k", &[], r#"{"wanted":1}"#).await;
    assert!(first.text().ends_with("data: [DONE]\n\n") && first.text().starts_with("id: 1\n"));
    assert_eq!(
        (&first.body, again.header("content-type")),
        (&again.body, "text/event-stream")
    );
    assert!(replayed(&again));
    send(&server, "/stream", "broken", &[], r#"{"wanted":500}"#).await;
    assert_eq!(server.backend.keys(), 1, "the stream that failed released its key");
    let request = http::Request::post("/stream")
        .header("content-type", "application/json")
        .header("idempotency-key", "cut");
    let mut body = server
        .open(request, r#"{"wanted":1}"#)
        .await
        .into_body()
        .into_data_stream();
    assert!(body.next().await.is_some());
    assert_eq!(server.backend.keys(), 2);
    drop(body);
    // The rest is read in the client's place.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let whole = send(&server, "/stream", "cut", &[], r#"{"wanted":1}"#).await;
    assert!(replayed(&whole) && whole.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(server.backend.keys(), 2);
}

#[tokio::test]
async fn a_response_too_large_to_store_is_not_replayed_and_the_request_not_executed_again() {
    let server = server();
    let body = r#"{"wanted":200000}"#;
    assert_eq!(
        send(&server, "/order", "k", &[], body).await.status,
        StatusCode::CREATED
    );
    let again = send(&server, "/order", "k", &[], body).await;
    assert_eq!(again.json()["code"], "answer_not_kept");
    assert!(replayed(&again) && again.status == StatusCode::CONFLICT);
    assert_eq!(again.header("content-type"), "application/problem+json");
    // A client made for OpenAI's API receives its error format.
    send(&server, "/v1/order", "k", &[], body).await;
    let again = send(&server, "/v1/order", "k", &[], body).await;
    assert_eq!(again.json()["error"]["code"], "answer_not_kept");
    assert_eq!(again.header("content-type"), "application/json");
}

#[tokio::test]
async fn stored_responses_are_encrypted() {
    let server = server();
    let answer = send(&server, "/order", "k", &[], r#"{"wanted":3}"#).await;
    let bytes = format!("{:?}", answer.body.to_vec());
    assert!(!server.backend.kept_text().contains(bytes.trim_matches(['[', ']'])));
}

#[tokio::test]
async fn an_upload_is_the_same_whatever_its_boundary() {
    let server = server();
    let send = async |boundary: &str, file: &str| {
        let kind = format!("multipart/form-data; boundary={boundary}");
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{file}\r\n--{boundary}--\r\n"
        );
        let request = http::Request::post("/upload")
            .header("content-type", kind)
            .header("authorization", "Bearer ada")
            .header("idempotency-key", "k");
        server.call(request, body).await
    };
    let first = send("one", "text").await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = send("two", "text").await;
    assert!(replayed(&again) && again.body == first.body);
    send("two", "other").await.problem(422, "idempotency_key_reused");
}

/// The clock of these tests advances while all tasks wait.
async fn pause(seconds: u32) {
    let over = tokio::time::timeout(Duration::from_secs(seconds.into()), std::future::pending::<()>());
    assert!(over.await.is_err());
}

async fn think(crate::Body(order): crate::Body<Order>) -> Created<u32> {
    pause(order.wanted).await;
    Created(next())
}

async fn think_aloud(crate::Body(order): crate::Body<Order>) -> EventStream<u32> {
    EventStream::new(futures::stream::once(async move {
        pause(order.wanted).await;
        Ok::<_, Problem>(next())
    }))
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_minutes_keeps_its_key() {
    let api = Api::new("Test")
        .post("/think", think, "")
        .post("/aloud", think_aloud, "");
    let server = Server::new(api);
    for (path, so_far) in [("/think", 0), ("/aloud", 13)] {
        let answer = send(&server, path, "key", &[], r#"{"wanted":800}"#).await;
        assert!(answer.status == 200 || answer.status == 201);
        assert_eq!(server.backend.extended(), so_far + 13, "{path}: once a minute");
    }
    send(&server, "/think", "other", &[], r#"{"wanted":1}"#).await;
    assert_eq!(server.backend.extended(), 26, "a short one does not say so");
}

async fn upload_as_member(_: crate::May<WriteDocuments>, upload: Upload) -> Created<(u32, usize)> {
    Created((next(), upload.file.bytes.len()))
}

async fn order_as_owner(_: crate::InOrg<WriteMembers>, body: crate::Body<Order>) -> Result<Created<Vec<u32>>> {
    order(body).await
}

#[tokio::test]
async fn a_body_is_not_read_before_the_permission_is_checked() {
    let api = Api::new("Test").post("/upload", upload_as_member, "");
    let server = Server::new(api.post("/orgs/{org_id}/order", order_as_owner, ""));
    let nobody_reads = || {
        let body = futures::stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<bytes::Bytes>>> {
            panic!("the body must not be read")
        });
        Body::from_stream(body)
    };
    for (path, kind, token, status, code) in [
        (
            "/upload",
            "multipart/form-data; boundary=B",
            "",
            401,
            "credentials_required",
        ),
        (
            "/upload",
            "multipart/form-data; boundary=B",
            "Bearer forged",
            401,
            "token_invalid",
        ),
        (
            "/orgs/acme/order",
            "application/json",
            "Bearer ada",
            403,
            "role_required",
        ),
        ("/orgs/other/order", "application/json", "Bearer root", 404, "not_found"),
    ] {
        let mut request = http::Request::post(path)
            .header("content-type", kind)
            .header("idempotency-key", "k");
        if !token.is_empty() {
            request = request.header("authorization", token);
        }
        server.call(request, nobody_reads()).await.problem(status, code);
        assert_eq!(server.backend.keys(), 0, "{path} {token}");
    }
    let allowed = ("authorization", "Bearer root");
    let answer = send(&server, "/orgs/acme/order", "k", &[allowed], r#"{"wanted":1}"#).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn parts_beyond_what_a_body_may_have_are_not_looked_at() {
    let server = server();
    let body = "--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n".repeat(80_000) + "--B--\r\n";
    let request = http::Request::post("/upload")
        .header("content-type", "multipart/form-data; boundary=B")
        .header("idempotency-key", "k");
    let began = tokio::time::Instant::now();
    server.call(request, body).await.problem(400, "invalid_multipart");
    // Longer than any client would wait.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
