//! Problems in the format of `OpenAI`'s API, for responses under `/v1/`, whose clients are made for that API.

use domain::{FieldError, LimitReached};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// The status under `/v1/`: that API has no 422, and its clients expect 400 for an invalid request.
pub(crate) fn status(status: StatusCode) -> StatusCode {
    if status == StatusCode::UNPROCESSABLE_ENTITY {
        StatusCode::BAD_REQUEST
    } else {
        status
    }
}

/// Returns whether a path belongs to Anthropic's API, which is not served. Its clients expect errors in their own
/// format, which extends that of `OpenAI`.
fn speaks_anthropic(path: &str) -> bool {
    ["/v1/messages", "/v1/complete"].iter().any(|api| {
        path.strip_prefix(api)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Returns the error message for an unknown path of `/v1/`: which operation to use instead.
pub(crate) fn instead_of(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("/v1")?;
    let first = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    Some(match first {
        "responses" | "conversations" => {
            "The Responses API is not supported. Send the messages to `POST /v1/chat/completions` instead \
             (`client.chat.completions.create` in OpenAI's clients)."
        }
        "messages" | "complete" => {
            "Anthropic's API is not supported. Send the messages to `POST /v1/chat/completions` instead, with a client \
             of OpenAI's API; its `model` may be `claude`."
        }
        "completions" | "engines" | "edits" => {
            "Text completions are not supported. Send the prompt as a message to `POST /v1/chat/completions` instead."
        }
        "assistants" | "threads" | "realtime" => {
            "This part of OpenAI's API is not supported. Send the messages to `POST /v1/chat/completions` instead, \
             with a chatbot as the model (`chatbot/<id>`) to answer from documents."
        }
        _ => {
            "Path not found. Of OpenAI's API, `POST /v1/chat/completions`, `POST /v1/embeddings` and \
             `GET /v1/models` are supported."
        }
    })
}

/// The body of every error response under `/v1/`. The request ID is in the header `x-request-id`, where clients expect
/// it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpenAiError")]
pub(crate) struct Envelope {
    /// `error`, for clients of Anthropic's API.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    kind: Option<&'static str>,
    error: Inner,
    /// As in the header `x-request-id`, for clients of Anthropic's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    request_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpenAiErrorDetail")]
struct Inner {
    /// What is wrong and what to do.
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The invalid part of the request, for example `messages[0].content`.
    param: Option<String>,
    /// Stable error code in `snake_case`.
    code: &'static str,
}

impl Envelope {
    /// Creates the body from a problem. It reports one invalid field: the first.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: String,
        invalid: Option<FieldError>,
        limit: Option<&LimitReached>,
    ) -> Self {
        let (message, param) = match invalid {
            Some(field) => {
                let param = param(&field.pointer);
                (format!("`{param}`: {}", field.detail), Some(param))
            }
            None => (detail, None),
        };
        let kind = match limit {
            Some(LimitReached::Tokens { .. }) => "tokens",
            Some(LimitReached::Requests(_)) => "requests",
            None if status == StatusCode::TOO_MANY_REQUESTS => "requests",
            None if status.is_server_error() => "server_error",
            Some(LimitReached::Plan(_)) | None => "invalid_request_error",
        };
        let error = Inner {
            message,
            kind,
            param,
            code,
        };
        Self {
            kind: None,
            error,
            request_id: None,
        }
    }

    /// Returns the error in the format for clients of `path`.
    pub(crate) fn at(mut self, path: &str, request_id: &str) -> Self {
        if speaks_anthropic(path) {
            self.kind = Some("error");
            self.request_id = Some(request_id.to_owned());
            self.error.kind = match self.error.code {
                "unknown_route" => "not_found_error",
                _ => self.error.kind,
            };
        }
        self
    }

    /// Returns the error with the parameter that caused it, if known.
    pub(crate) fn about(mut self, param: Option<&str>) -> Self {
        self.error.param = self.error.param.or_else(|| param.map(str::to_owned));
        self
    }
}

/// Returns the JSON pointer `/messages/0/content` as `messages[0].content`.
fn param(pointer: &str) -> String {
    let mut out = String::with_capacity(pointer.len());
    for part in pointer.split('/').skip(1) {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push('[');
            out.push_str(part);
            out.push(']');
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::Error;
    use garde::Validate;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::param;
    use crate::{
        Api, Body, Caller, EventStream, Message, Problem, Result,
        testing::{Answer, Server},
    };

    #[derive(Deserialize, Validate, JsonSchema)]
    struct Input {
        #[garde(length(min = 1), dive)]
        messages: Vec<Line>,
    }

    #[derive(Deserialize, Validate, JsonSchema)]
    struct Line {
        #[garde(length(chars, min = 1))]
        content: String,
    }

    async fn say(Body(said): Body<Input>) -> Message {
        drop(said);
        Message("said")
    }

    async fn closed(_: Caller) -> Message {
        Message("in")
    }

    async fn busy() -> Result<Message> {
        Err(Problem::from(Error::TooMany {
            code: "too_busy",
            detail: "too much at once",
            retry_after: Duration::from_secs(7),
        }))
    }

    async fn broken() -> Result<Message> {
        Err(Error::internal("password of the table is hunter2").into())
    }

    async fn torn() -> EventStream<String> {
        EventStream::without_ids(futures::stream::iter([
            Ok("one".to_owned()),
            Err(Error::internal("password of the table is hunter2")),
        ]))
    }

    fn server() -> Server {
        let api = Api::new("Test")
            .post("/v1/say", say, "")
            .post("/api/v1/say", say, "")
            .get("/v1/closed", closed, "")
            .get("/v1/busy", busy, "")
            .get("/v1/broken", broken, "");
        Server::new(api.get("/v1/torn", torn, ""))
    }

    /// Checks the complete format, and returns the message.
    fn refused(answer: &Answer, status: u16, kind: &str, param: Option<&str>, code: &str) -> String {
        let body = answer.json();
        let message = body["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (answer.status.as_u16(), &body),
            (
                status,
                &json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
            )
        );
        assert!(message.len() > 10, "{message:?} is not a sentence");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-request-id"), "request-1");
        message
    }

    const REFUSED: &str = "invalid_request_error";

    #[tokio::test]
    async fn errors_of_the_middleware_have_the_format_too() {
        refused(&server().get("/v1/nothing").await, 404, REFUSED, None, "unknown_route");
        refused(&server().get("/v1").await, 404, REFUSED, None, "unknown_route");
        for path in [
            "/v1/responses",
            "/v1/completions",
            "/v1/responses/r_1/cancel",
            "/v1/threads/runs",
            "/v1/audio/speech",
        ] {
            let said = refused(&server().post(path, "{}").await, 404, REFUSED, None, "unknown_route");
            assert!(said.contains("`POST /v1/chat/completions`"), "{said}");
        }
        let answer = server().get("/v1/say").await;
        refused(&answer, 405, REFUSED, None, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
        let answer = server().get("/v1/closed").await;
        refused(&answer, 401, REFUSED, None, "credentials_required");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }

    #[tokio::test]
    async fn a_client_of_anthropics_api_receives_its_own_error_format() {
        for path in [
            "/v1/messages",
            "/v1/messages?beta=true",
            "/v1/messages/count_tokens",
            "/v1/complete",
        ] {
            let answer = server().post(path, r#"{"model": "claude", "max_tokens": 5}"#).await;
            let body = answer.json();
            assert_eq!(
                (answer.status.as_u16(), &body["type"]),
                (404, &json!("error")),
                "{path}"
            );
            assert_eq!(body["error"]["type"], "not_found_error");
            assert_eq!(body["error"]["code"], "unknown_route");
            assert_eq!(body["request_id"], answer.header("x-request-id"));
            let said = body["error"]["message"].as_str().unwrap_or_default();
            assert!(said.contains("`POST /v1/chat/completions`"), "{said}");
        }
    }

    #[tokio::test]
    async fn a_request_that_is_not_valid_is_400_and_names_the_first_part_that_is_not() {
        let body = r#"{"messages": [{"content": "a"}, {"content": ""}]}"#;
        let answer = server().post("/v1/say", body).await;
        let message = refused(&answer, 400, REFUSED, Some("messages[1].content"), "invalid");
        assert!(message.starts_with("`messages[1].content`: "), "{message}");
        server().post("/api/v1/say", body).await.problem(422, "invalid");

        let answer = server().post("/v1/say", "{").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["type"]),
            (400, &json!(REFUSED))
        );
        let plain = http::Request::post("/v1/say").header("content-type", "text/plain");
        let answer = server().call(plain, "{}").await;
        refused(&answer, 415, REFUSED, None, "unsupported_media_type");
        let answer = server().post("/v1/say", &" ".repeat(crate::MAX_JSON_BYTES + 1)).await;
        refused(&answer, 413, REFUSED, None, "too_large");
    }

    #[tokio::test]
    async fn a_temporary_rejection_has_a_retry_after() {
        let answer = server().get("/v1/busy").await;
        refused(&answer, 429, "requests", None, "too_busy");
        assert_eq!(answer.header("retry-after"), "7");
    }

    #[tokio::test]
    async fn a_server_error_discloses_nothing_before_or_within_a_stream() {
        let answer = server().get("/v1/broken").await;
        refused(&answer, 500, "server_error", None, "internal");
        assert!(!answer.text().contains("hunter2"));
        let answer = server().get("/v1/torn").await;
        let last = answer.text().trim_end().rsplit("data: ").next().unwrap_or_default();
        let last: Value = serde_json::from_str(last).unwrap_or_default();
        assert_eq!(
            (&last["error"]["type"], &last["error"]["code"]),
            (&json!("server_error"), &json!("internal")),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains("hunter2"));
    }

    #[test]
    fn a_pointer_is_converted_to_the_path_syntax_of_openai() {
        for (pointer, expected) in [
            ("/model", "model"),
            ("/messages/0/content", "messages[0].content"),
            ("/messages/0/content/12/text", "messages[0].content[12].text"),
            ("/a~1b", "a/b"),
            ("", ""),
        ] {
            assert_eq!(param(pointer), expected);
        }
    }
}
