#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{
    http::{Method, header::LINK},
    routing::any,
};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;

/// A path of a function that streams.
const STREAMED: &str = "/api/v1/ai/chat";

async fn echo(uri: Uri, body: Body) -> String {
    format!("{uri} {}", body.collect().await.unwrap().to_bytes().len())
}

async fn bytes(uri: Uri) -> Vec<u8> {
    let (_, size) = uri.path().rsplit_once('/').unwrap();
    vec![b'x'; size.parse().unwrap()]
}

async fn many() -> Vec<u8> {
    vec![b'x'; MAX_ANSWER + 1]
}

async fn refuse() -> Response {
    let headers = [("www-authenticate", "Bearer"), ("link", "<?a>; rel=\"next\"")];
    (StatusCode::UNAUTHORIZED, headers).into_response()
}

async fn never() -> Response {
    std::future::pending().await
}

fn gateway(stage: Option<&str>) -> Router {
    let api = Router::new()
        .route("/bytes/{size}", any(bytes))
        .route("/refuse", any(refuse))
        .route("/never", any(never))
        .route(STREAMED, any(many))
        .fallback(echo);
    around(api, stage).unwrap()
}

async fn call(router: Router, path: &str, body: Body) -> (StatusCode, HeaderMap, Bytes) {
    let request = Request::builder().method(Method::POST).uri(path).body(body).unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn the_function_sees_the_path_without_the_stage() {
    for (stage, path, seen) in [
        (Some("live"), "/live/docs/?a=b%20c", "/docs/?a=b%20c 0"),
        (Some("live"), "/live", "/ 0"),
        (Some("live"), "/live/live/x", "/live/x 0"),
        (None, "/docs", "/docs 0"),
        (None, "/live/docs", "/live/docs 0"),
    ] {
        let (status, _, body) = call(gateway(stage), path, Body::empty()).await;
        assert_eq!((status, body), (StatusCode::OK, Bytes::from(seen)), "{path}");
    }
    for path in ["/", "/docs", "/livedocs", "/LIVE/docs"] {
        let (status, headers, body) = call(gateway(Some("live")), path, Body::empty()).await;
        assert_eq!(
            (status, body),
            (StatusCode::FORBIDDEN, Bytes::from(r#"{"message":"Forbidden"}"#))
        );
        assert_eq!(headers["x-amzn-errortype"], "ForbiddenException");
    }
}

#[tokio::test]
async fn a_body_that_base64_makes_larger_than_lambda_takes_is_refused_in_the_words_of_the_template() {
    let (status, ..) = call(gateway(None), "/x", Body::from(vec![0; 4_700_000])).await;
    assert_eq!(status, StatusCode::OK);
    let (status, headers, body) = call(gateway(None), "/x", Body::from(vec![0; 4_718_592])).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!(headers["access-control-allow-origin"], "*");
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&413.into(), &"too_large".into())
    );
    assert_eq!(problem["request_id"], headers["x-request-id"].to_str().unwrap());
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("POST /api/v1/documents/uploads"), "{detail}");
}

#[tokio::test]
async fn a_body_of_more_than_10_mb_is_refused_in_plain_text_and_read_to_its_end() {
    for body in [
        Body::from(vec![0; MAX_BODY + 1]),
        Body::from_stream(futures::stream::iter(
            (0..24).map(|_| Ok::<_, std::io::Error>(vec![0; 1 << 20])),
        )),
    ] {
        let (status, headers, body) = call(gateway(None), "/x", body).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(headers[CONTENT_TYPE], "text/plain");
        assert_eq!(body, "HTTP content length exceeded 10485760 bytes.");
    }
}

#[tokio::test]
async fn an_answer_larger_than_lambda_gives_is_a_fault_unless_it_is_streamed() {
    // Bytes of an unknown kind travel as base64.
    for (size, expected) in [(4_700_000, 200), (4_718_700, 502), (7_000_000, 502)] {
        let (status, headers, body) = call(gateway(None), &format!("/bytes/{size}"), Body::empty()).await;
        assert_eq!(status.as_u16(), expected, "{size}");
        if expected == 502 {
            assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["code"], "gateway_failed");
        }
    }
    let (status, _, body) = call(gateway(None), STREAMED, Body::empty()).await;
    assert_eq!((status, body.len()), (StatusCode::OK, MAX_ANSWER + 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_waited_for_29_seconds() {
    let began = tokio::time::Instant::now();
    let (status, _, body) = call(gateway(None), "/never", Body::empty()).await;
    assert_eq!((status, began.elapsed()), (StatusCode::GATEWAY_TIMEOUT, TIMEOUT));
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["code"],
        "gateway_failed"
    );
}

#[tokio::test]
async fn www_authenticate_comes_under_another_name() {
    let (status, headers, _) = call(gateway(None), "/refuse", Body::empty()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["x-amzn-remapped-www-authenticate"], "Bearer");
    assert!(!headers.contains_key("www-authenticate"));
    assert_eq!(headers[LINK], "<?a>; rel=\"next\"");
}

#[test]
fn a_stage_is_a_plain_name() {
    assert_eq!(parse_stage("live-2_a").as_deref(), Ok("live-2_a"));
    for wrong in ["", "a/b", "a b", "ä", &"x".repeat(129)] {
        assert!(parse_stage(wrong).is_err(), "{wrong}");
    }
}
