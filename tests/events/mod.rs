//! `events/`: what API Gateway, SQS, DynamoDB Streams and `EventBridge` Scheduler send to the functions, replayed through the types
//! and conversions of `lambda_http` and `aws_lambda_events` that the binaries use.
//!
//! `events/<function>/<operation>.json` is an event as the function gets it, with two liberties. Bodies of text are
//! left readable, although the gateway, told that every media type is binary, encodes them in base64; a replay does
//! that. And what must exist before is a placeholder: `{{email}}` and `{{access_token}}` of an account with the
//! password of the events, `{{new_email}}` that nobody has, `{{document_id}}` of the file in `documents/upload.json`,
//! uploaded and indexed, and `{{session_id}}` of a chat session with a chatbot over it.
//!
//! `events/expected.json` has the answer to each: a status with texts that the body holds, or a worker's whole answer.
//! `make test-lambda` replays the same files against the binaries.

mod files;
mod lambda;
mod scene;

use local::template::Template;
use std::collections::BTreeSet;

use axum::{Router, routing::get};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::usage::statistics::PeriodRequest;
use local::functions;
use serde_json::{Value, json};

use files::{api, encoded, function_of, read};
use scene::Scene;

#[tokio::test]
async fn every_event_is_answered_as_expected() {
    let scene = Scene::new().await;
    let expected: Value = serde_json::from_str(&scene.fill(&read("expected.json"))).unwrap();
    for event in files::events() {
        let (reply, expected) = (scene.replay(&event).await, &expected[&event]);
        if let Some(answer) = expected.get("answer") {
            assert_eq!(&reply.head, answer, "{event}");
            continue;
        }
        assert_eq!(reply.head["statusCode"], expected["status"], "{event}: {}", reply.body);
        for text in expected["holds"].as_array().unwrap() {
            let text = text.as_str().unwrap();
            assert!(reply.body.contains(text), "{event}: no {text} in {}", reply.body);
        }
        assert!(!reply.header("x-request-id").is_empty(), "{event}: {}", reply.head);
    }
}

#[test]
fn every_function_has_an_event_and_every_event_an_expected_answer() {
    let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
    let expected: BTreeSet<&String> = expected.as_object().unwrap().keys().collect();
    let events = files::events();
    assert_eq!(events.iter().collect::<BTreeSet<_>>(), expected);
    let covered: BTreeSet<&str> = events.iter().map(|event| function_of(event)).collect();
    assert_eq!(covered, functions::names().into_iter().collect());
}

/// Whether a path is one of those of an operation.
fn is_at(operation: &str, path: &str) -> bool {
    let (of_operation, of_path) = (operation.split('/'), path.split('/'));
    of_operation.clone().count() == of_path.clone().count()
        && of_operation
            .zip(of_path)
            .all(|(wanted, found)| wanted == found || wanted.starts_with('{'))
}

#[test]
fn every_http_event_is_one_of_an_operation_and_says_everything_twice_alike() {
    for name in files::events() {
        let Some(api) = api(function_of(&name)) else { continue };
        let event: Value = serde_json::from_str(&read(&name)).unwrap();
        let (method, resource) = (&event["httpMethod"], &event["resource"]);
        let path = event["path"].as_str().unwrap();
        let (function, route) = Template::embedded().unwrap().route(path).unwrap();
        assert_eq!(
            (function.crate_name.as_str(), resource),
            (function_of(&name), &json!(route.path)),
            "{name}"
        );
        let rest = route.path.strip_suffix("{proxy+}").map(|folder| &path[folder.len()..]);
        assert_eq!(event["pathParameters"]["proxy"], json!(rest), "{name}");
        let mut operations = api.operations().into_iter();
        let known = operations.any(|it| *method == *it.method && is_at(&it.path, path));
        assert!(known, "{name}: no {method} {path}");
        let context = &event["requestContext"];
        assert_eq!(
            (&context["httpMethod"], &context["resourcePath"]),
            (method, resource),
            "{name}"
        );
        assert_eq!(
            context["path"],
            format!("/live{}", event["path"].as_str().unwrap()),
            "{name}"
        );
        for (single, multiple) in [
            ("headers", "multiValueHeaders"),
            ("queryStringParameters", "multiValueQueryStringParameters"),
        ] {
            let values = event[single].as_object().into_iter().flatten();
            let values: Value = values.map(|(name, value)| (name.clone(), json!([value]))).collect();
            let said = event[multiple].as_object().cloned().unwrap_or_default();
            assert_eq!(values, Value::Object(said), "{name}: {single}");
        }
    }
}

#[tokio::test]
async fn a_change_of_the_ledger_is_summed_up() {
    let scene = Scene::new().await;
    scene.replay("roll_up_usage/stream.json").await;
    let date = "2026-11-22".parse().ok();
    let day = PeriodRequest {
        from: date,
        to: date,
        days: None,
    };
    let usage = scene.t.stack.app().platform_usage(day).await.unwrap().usage;
    assert!(usage.statistics.total().total_tokens() > 0, "{usage:?}");
}

#[tokio::test]
async fn a_file_passes_the_gateway_and_is_indexed() {
    let scene = Scene::new().await;
    let uploaded = scene.replay("documents/upload.json").await.json();
    scene.t.drain().await;
    let path = format!("/api/v1/documents/{}", uploaded["id"].as_str().unwrap());
    let document = scene.ada.get(&path).await.ok().json();
    assert_eq!((&document["status"], &document["pages"]), (&"ready".into(), &1.into()));
}

#[tokio::test]
async fn a_body_may_come_as_text_or_as_base64() {
    let scene = Scene::new().await;
    let text = scene.fill(&read("auth/login.json"));
    assert_ne!(text, encoded(&text));
    for event in [&text, &encoded(&text)] {
        let reply = scene.serve("auth", api("auth").unwrap(), event).await;
        assert_eq!(reply.head["statusCode"], 200, "{}", reply.body);
    }
}

#[tokio::test]
async fn the_gateway_says_where_a_guess_comes_from_and_no_header_does() {
    let scene = Scene::new().await;
    let login = scene
        .fill(&read("auth/login.json"))
        .replace("correct horse battery", "wrong");
    let guess = async |source: u8, number: usize| {
        let event = login
            .replace(
                r#""sourceIp": "203.0.113.17""#,
                &format!(r#""sourceIp": "203.0.113.{source}""#),
            )
            .replace(r#""203.0.113.17""#, &format!(r#""198.51.100.{number}""#))
            .replace("ada@example.com", &format!("nobody-{number}@example.com"));
        assert!(event.contains(&format!("\"X-Forwarded-For\": \"198.51.100.{number}\"")));
        scene.serve("auth", api("auth").unwrap(), &event).await.head["statusCode"].clone()
    };
    for number in 0..30 {
        assert_eq!(guess(1, number).await, 401);
    }
    assert_eq!(
        guess(1, 30).await,
        429,
        "the network is told by the gateway, not by the header"
    );
    assert_eq!(guess(2, 31).await, 401);
}

#[tokio::test]
async fn a_network_makes_50_accounts_and_then_waits() {
    let scene = Scene::new().await;
    let register = scene.fill(&read("auth/register.json"));
    assert!(register.contains("grace@example.com") && register.contains("203.0.113.17"));
    let sign_up = async |source: &str, number: usize| {
        let event = register
            .replace("203.0.113.17", source)
            .replace("grace@example.com", &format!("grace{number}@example.com"));
        scene.serve("auth", api("auth").unwrap(), &event).await
    };
    for number in 0..50 {
        assert_eq!(sign_up("203.0.113.1", number).await.head["statusCode"], 201);
    }
    // Taken or free, the answer is the same.
    for number in [0, 50] {
        let refused = sign_up("203.0.113.1", number).await;
        assert_eq!(refused.head["statusCode"], 429, "{}", refused.body);
        assert!(refused.body.contains("too_many_accounts"), "{}", refused.body);
    }
    assert_eq!(sign_up("203.0.113.2", 50).await.head["statusCode"], 201);
}

#[tokio::test]
async fn a_streamed_answer_begins_with_its_head_and_leaves_frame_by_frame() {
    let reply = Scene::new().await.replay("chats/send_message.json").await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let frames: Vec<&str> = reply.body.split_terminator("\n\n").collect();
    assert!(frames.len() > 2, "{}", reply.body);
    assert_eq!(reply.pieces, frames.len());
}

#[tokio::test]
async fn a_problem_of_a_streaming_function_is_whole() {
    let scene = Scene::new().await;
    let event = read("chats/send_message.json").replace("Bearer {{access_token}}", "Bearer nobody's");
    let reply = scene.serve("chats", api("chats").unwrap(), &scene.fill(&event)).await;
    assert_eq!(reply.head["statusCode"], 401);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert_eq!((&reply.json()["status"], reply.pieces), (&401.into(), 1));
}

#[tokio::test]
async fn bytes_leave_a_function_as_base64_and_text_as_it_is() {
    let bytes = [0_u8, 159, 146, 150, 255];
    let file = move || async move { ([("content-type", "application/octet-stream")], bytes) };
    let page = || async { ([("content-type", "text/html; charset=utf-8")], "<p>grüezi</p>") };
    let router = Router::new().route("/ready", get(file)).route("/live", get(page));
    let event = read("system/ready.json");
    let answer = lambda::whole(router.clone(), &event).await;
    assert_eq!(answer["isBase64Encoded"], true);
    assert_eq!(answer["body"], STANDARD.encode(bytes));
    let answer = lambda::whole(router, &event.replace("/ready", "/live")).await;
    assert_eq!(answer["isBase64Encoded"], false);
    assert_eq!(answer["body"], "<p>grüezi</p>");
}
