use std::collections::BTreeMap;

use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::{Api, Json, testing::Server};

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct NewBot {
    #[garde(length(min = 1, max = 20))]
    display_name: String,
    #[garde(dive)]
    #[serde(default)]
    settings: Settings,
    #[garde(skip)]
    #[serde(default)]
    free_form: BTreeMap<String, Value>,
    #[garde(inner(range(max = 9)))]
    #[serde(default)]
    some_numbers: Vec<u32>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default)]
struct Settings {
    #[garde(range(max = 10))]
    top_k: u32,
    #[garde(skip)]
    greeting_text: Option<String>,
}

async fn create_bot(Body(new): Body<NewBot>) -> Result<Json<NewBot>> {
    Ok(Json(new))
}

async fn touch(body: Option<Body<NewBot>>) -> Result<Json<bool>> {
    Ok(Json(body.is_some()))
}

async fn sign_in(FormOrJson(new): FormOrJson<Settings>) -> Result<Json<Settings>> {
    Ok(Json(new))
}

fn server() -> Server {
    let api = Api::new("Test")
        .on_both_prefixes()
        .post("/bots", create_bot, "")
        .post("/touch", touch, "");
    Server::new(api.post("/login", sign_in, ""))
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["pointer"].as_str())
        .collect()
}

#[tokio::test]
async fn a_field_matches_in_any_spelling_in_both_api_styles_at_every_depth() {
    let server = server();
    for body in [
        r#"{"display_name":"x","settings":{"top_k":3,"greeting_text":"hi"},"some_numbers":[1]}"#,
        r#"{"displayName":"x","settings":{"topK":3,"greetingText":"hi"},"someNumbers":[1]}"#,
        r#"{"DisplayName":"x","SETTINGS":{"TOPK":3,"Greeting_Text":"hi"},"Some_Numbers":[1]}"#,
        r#"{"display\u004eame":"x","settings":{"topK":3,"greetingText":"hi"},"someNumbers":[1]}"#,
    ] {
        let snake = server.post("/api/v1/bots", body).await;
        let expected = json!({"display_name": "x", "settings": {"top_k": 3, "greeting_text": "hi"}, "free_form": {}, "some_numbers": [1]});
        assert_eq!(snake.json(), expected, "{body}");
        let camel = server.post("/api/bots", body).await;
        let expected = json!({"displayName": "x", "settings": {"topK": 3, "greetingText": "hi"}, "freeForm": {}, "someNumbers": [1]});
        assert_eq!(camel.json(), expected, "{body}");
    }
}

#[tokio::test]
async fn the_keys_of_a_free_form_map_are_the_clients() {
    let free = r#"{"display_name":1,"displayName":{"top_k":1,"topK":2},"a_b":[{"c_d":1}]}"#;
    let body = format!(r#"{{"display_name":"x","freeForm":{free}}}"#);
    for (path, field) in [("/api/v1/bots", "free_form"), ("/api/bots", "freeForm")] {
        let answer = server().post(path, &body).await.json();
        assert_eq!(answer[field], serde_json::from_str::<Value>(free).unwrap_or_default());
    }
}

#[tokio::test]
async fn two_spellings_of_one_field_are_refused() {
    let answer = server()
        .post("/api/v1/bots", r#"{"display_name":"x","displayName":"y"}"#)
        .await;
    assert_eq!(pointers(&answer.problem(422, "invalid")), ["/display_name"]);
}

#[tokio::test]
async fn every_broken_rule_is_reported_in_the_clients_spelling_and_in_order() {
    let body = r#"{"displayName":"","settings":{"top_k":11},"SomeNumbers":[1,10,11]}"#;
    let problem = server().post("/api/bots", body).await.problem(422, "invalid");
    assert_eq!(
        pointers(&problem),
        ["/displayName", "/settings/top_k", "/SomeNumbers/1", "/SomeNumbers/2"]
    );
}

#[tokio::test]
async fn a_missing_field_is_reported_in_the_spelling_of_the_api_style() {
    for (path, pointer) in [("/api/v1/bots", "/display_name"), ("/api/bots", "/displayName")] {
        let problem = server().post(path, "{}").await.problem(422, "invalid");
        assert_eq!(pointers(&problem), [pointer]);
        assert_eq!(problem["errors"][0]["detail"], "is required");
    }
}

#[tokio::test]
async fn an_error_for_a_missing_body_names_the_required_fields() {
    for (path, field) in [("/api/v1/bots", "`display_name`"), ("/api/bots", "`displayName`")] {
        let problem = server()
            .call(Request::post(path), "")
            .await
            .problem(400, "invalid_json");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(
            detail.ends_with(&format!("send a JSON object with {field}.")),
            "{detail}"
        );
    }
    // Null is ignored where nothing is required.
    assert_eq!(server().post("/api/touch", "null").await.text(), "false");
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_reported_with_its_pointer() {
    let server = server();
    for (body, pointer) in [
        (r#"{"display_name":1}"#, "/display_name"),
        (r#"{"display_name":"x","settings":{"topK":"many"}}"#, "/settings/topK"),
        (r#"{"display_name":"x","some_numbers":[1,-1]}"#, "/some_numbers/1"),
        (r#"{"display_name":"\ud800"}"#, "/display_name"),
        ("[]", ""),
        ("null", ""),
    ] {
        let problem = server.post("/api/v1/bots", body).await.problem(422, "invalid");
        assert_eq!(pointers(&problem), [pointer], "{problem}");
        assert!(!problem.to_string().contains("line"), "{problem}");
    }
}

#[tokio::test]
async fn invalid_json_is_rejected() {
    let server = server();
    let deep = "[".repeat(100_000);
    for body in ["", "{", "{} {}", "{'a':1}", "\u{feff}{}", "nul", deep.as_str()] {
        server.post("/api/v1/bots", body).await.problem(400, "invalid_json");
    }
    let request = Request::post("/api/v1/bots").header("content-type", "application/json");
    server
        .call(request, vec![b'"', 0xff, b'"'])
        .await
        .problem(400, "invalid_json");
    let nested = format!(
        r#"{{"display_name":"x","free_form":{{"a":{}1{}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    assert!(server.post("/api/v1/bots", &nested).await.status.is_client_error());
}

#[tokio::test]
async fn other_media_types_are_refused_and_json_dialects_are_read() {
    let server = server();
    let call = |kind: &'static str| {
        server.call(
            Request::post("/api/v1/bots").header("content-type", kind),
            r#"{"display_name":"x"}"#,
        )
    };
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "json",
        "",
    ] {
        call(kind).await.problem(415, "unsupported_media_type");
    }
    for kind in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/merge-patch+json",
    ] {
        assert_eq!(call(kind).await.status, 200, "{kind}");
    }
    server
        .call(Request::post("/api/v1/bots"), "{}")
        .await
        .problem(415, "unsupported_media_type");
    server
        .call(Request::post("/api/v1/bots"), "")
        .await
        .problem(400, "invalid_json");
}

#[tokio::test]
async fn a_body_over_one_megabyte_is_too_large_announced_or_not() {
    let server = server();
    let large = format!(r#"{{"display_name":"{}"}}"#, "x".repeat(MAX_JSON_BYTES));
    server.post("/api/v1/bots", &large).await.problem(413, "too_large");
    let request = || Request::post("/api/v1/bots").header("content-type", "application/json");
    server
        .call(request().header("content-length", "99999999"), "{}")
        .await
        .problem(413, "too_large");
    let chunk = Bytes::from(vec![b' '; 64 * 1024]);
    let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
    server
        .call(request(), Bytestream::from_stream(endless))
        .await
        .problem(413, "too_large");
    let broken = futures::stream::iter([Ok(Bytes::from("{")), Err(std::io::Error::other("gone"))]);
    server
        .call(request(), Bytestream::from_stream(broken))
        .await
        .problem(400, "incomplete_body");
}

#[tokio::test]
async fn an_optional_body_may_be_left_out_but_not_be_wrong() {
    let server = server();
    assert_eq!(server.call(Request::post("/api/touch"), "").await.text(), "false");
    assert_eq!(server.post("/api/touch", r#"{"displayName":"x"}"#).await.text(), "true");
    server.post("/api/touch", "{}").await.problem(422, "invalid");
    server.post("/api/touch", "{").await.problem(400, "invalid_json");
}

#[tokio::test]
async fn a_form_is_read_like_json() {
    let server = server();
    let form = |text: &'static str| {
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        server.call(Request::post("/api/v1/login").header("content-type", kind), text)
    };
    let expected = json!({"top_k": 4, "greeting_text": "a b&c"});
    assert_eq!(form("topK=4&greeting_text=a+b%26c").await.json(), expected);
    assert_eq!(
        server
            .post("/api/v1/login", r#"{"topK":4,"greetingText":"a b&c"}"#)
            .await
            .json(),
        expected
    );
    let problem = form("top_k=many").await.problem(422, "invalid");
    assert_eq!(pointers(&problem), ["/top_k"]);
    assert_eq!(pointers(&form("topK=11").await.problem(422, "invalid")), ["/top_k"]);
    assert_eq!(
        pointers(&form("topK=1&top_k=2").await.problem(422, "invalid")),
        ["/top_k"]
    );
}

#[tokio::test]
async fn another_charset_than_utf_8_is_refused() {
    let call = async |path: &str, kind: &str, body: &str| {
        server()
            .call(Request::post(path).header("content-type", kind), body.to_owned())
            .await
    };
    let bot = r#"{"display_name":"Ada"}"#;
    for charset in ["utf-8", "\"UTF-8\"", "US-ASCII"] {
        let kind = format!("application/json; charset={charset}");
        assert_eq!(call("/api/v1/bots", &kind, bot).await.status, 200, "{charset}");
    }
    for charset in ["iso-8859-1", "\"UTF-16\"", "\"\""] {
        for (path, kind, body) in [
            ("/api/v1/bots", "application/json", bot),
            ("/api/login", "application/x-www-form-urlencoded", "top_k=1"),
        ] {
            let kind = format!("{kind}; version=1; Charset={charset}");
            call(path, &kind, body).await.problem(415, "unsupported_media_type");
        }
    }
}
