//! Streamed responses, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::{
    marker::PhantomData,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::Error;
use futures::{FutureExt as _, Stream, StreamExt as _, stream::BoxStream};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    Describe, Problem, Result, case_mapping,
    describe::OperationDoc,
    request_context::RequestContext,
    responses::{Output, Unrendered},
};

/// Events as JSON text in the declared spelling, and their IDs.
pub(crate) type Frames = BoxStream<'static, Result<(EventId, Vec<u8>)>>;

/// The ID of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventId {
    /// Its number in the stream.
    Number,
    /// An ID of its own.
    Own(String),
    /// No ID.
    Absent,
}

/// The frame after the last event of a successful stream.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";
/// A comment is sent after this much silence, so that no proxy considers the connection dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The comment. It has no empty line after it: that would dispatch an event, which some clients do for an ID without
/// data.
const COMMENT: &[u8] = b": keep-alive\n";

/// 200 with `text/event-stream`: one frame `id: n`, `data: {...}` per event, `data: [DONE]` at the end. Resumable
/// events have IDs of their own, which a client sends back as `Last-Event-ID`.
///
/// A failure after the first byte is one frame `event: error` with a problem body, and no `[DONE]`.
pub struct EventStream<T = Value> {
    frames: Frames,
    events: PhantomData<fn() -> T>,
}

impl<T: Output> EventStream<T> {
    /// Creates a stream of these events; it ends at the first error.
    pub fn new<E: Into<Problem>>(events: impl Stream<Item = std::result::Result<T, E>> + Send + 'static) -> Self {
        Self::of(events.map(|event| event.map(|event| (EventId::Number, event))))
    }

    /// The same, for clients of `OpenAI`'s API, whose events have no IDs.
    pub fn without_ids<E: Into<Problem>>(
        events: impl Stream<Item = std::result::Result<T, E>> + Send + 'static,
    ) -> Self {
        Self::of(events.map(|event| event.map(|event| (EventId::Absent, event))))
    }

    /// The same, for events with IDs of their own.
    pub fn with_ids<E: Into<Problem>>(
        events: impl Stream<Item = std::result::Result<(String, T), E>> + Send + 'static,
    ) -> Self {
        Self::of(events.map(|event| event.map(|(id, event)| (EventId::Own(id), event))))
    }

    fn of<E: Into<Problem>>(events: impl Stream<Item = std::result::Result<(EventId, T), E>> + Send + 'static) -> Self {
        let frames = events.map(|event| match event {
            Ok((id, event)) => match serde_json::to_vec(&event) {
                Ok(json) => Ok((id, json)),
                Err(error) => Err(Error::internal(error).into()),
            },
            Err(error) => Err(error.into()),
        });
        Self {
            frames: frames.boxed(),
            events: PhantomData,
        }
    }
}

impl<T> std::fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventStream")
    }
}

impl<T: Output> IntoResponse for EventStream<T> {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        let frames = Arc::new(Mutex::new(Some(self.frames)));
        response
            .extensions_mut()
            .insert(Unrendered::Stream(frames, case_mapping::output::<T>));
        response
    }
}

impl<T: Output> Describe for EventStream<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let event = doc.output_schema::<T>();
        doc.response(200, "OK", Some((STREAM, described(&event))));
        doc.media_type_field(200, STREAM, "x-itemSchema", item(&event));
        // The model that answers may fail, or take too long.
        for status in [429, 502, 503, 504] {
            doc.problem(status);
        }
    }
}

const STREAM: &str = "text/event-stream";

/// Returns the schema of the whole stream: a string, which generators of clients turn into a response to read
/// incrementally.
fn described(event: &Value) -> Value {
    let name = event["$ref"].as_str().and_then(|link| link.rsplit('/').next());
    let text = format!(
        "Server-sent events (WHATWG HTML). The `data` of each is JSON of the schema `{}`, and `[DONE]` at the end. A \
         failure after the first byte is an `event: error` whose `data` is a problem, and no `[DONE]`. Lines that begin \
         with `:` are to be ignored.",
        name.unwrap_or_default()
    );
    json!({"type": "string", "description": text})
}

/// Returns the schema of one event, as in `itemSchema` of `OpenAPI` 3.2; 3.1 has no such keyword.
fn item(event: &Value) -> Value {
    let data = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": event});
    json!({
        "type": "object",
        "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": data},
        "required": ["data"],
    })
}

/// Returns the response with `frames` as its body; `rename` converts an event to the spelling of the API style.
pub(crate) fn respond(
    context: Arc<RequestContext>,
    frames: Frames,
    rename: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> Response {
    let mut number = 0_u64;
    let text = next_frame(frames).map(move |frame| -> Result<Bytes, std::convert::Infallible> {
        Ok(match frame {
            Frame::Event(id, json) => {
                number += 1;
                let id = match id {
                    EventId::Number => format!("id: {number}\n"),
                    EventId::Own(id) => format!("id: {id}\n"),
                    EventId::Absent => String::new(),
                };
                let json = rename(json);
                [id.as_bytes(), b"data: ", &json, b"\n\n"].concat().into()
            }
            Frame::Silence => Bytes::from_static(COMMENT),
            Frame::Failed(problem) => [b"event: error\ndata: ", problem.body(&context).as_slice(), b"\n\n"]
                .concat()
                .into(),
            Frame::End => Bytes::from_static(DONE),
        })
    });
    let mut response = Body::from_stream(text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    // Tells nginx and similar proxies not to buffer frames.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

enum Frame {
    Event(EventId, Vec<u8>),
    Silence,
    Failed(Problem),
    End,
}

/// The frames of a stream up to its end or first failure, including heartbeats.
fn next_frame(frames: Frames) -> impl Stream<Item = Frame> + Send {
    futures::stream::unfold(Some(frames), |frames| async move {
        let mut frames = frames?;
        let event = AssertUnwindSafe(frames.next()).catch_unwind();
        Some(match tokio::time::timeout(HEARTBEAT, event).await {
            Err(_) => (Frame::Silence, Some(frames)),
            Ok(Ok(Some(Ok((id, json))))) => (Frame::Event(id, json), Some(frames)),
            Ok(Ok(Some(Err(problem)))) => (Frame::Failed(problem), None),
            Ok(Ok(None)) => (Frame::End, None),
            Ok(Err(_)) => (Frame::Failed(Error::internal("a stream panicked").into()), None),
        })
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing frame is the test's failure")]
mod tests {
    use std::{collections::BTreeMap, convert::Infallible};

    use http::Request;
    use schemars::JsonSchema;
    use serde::Serialize;

    use super::*;
    use crate::{Api, testing::Server};

    #[derive(Serialize, JsonSchema)]
    struct Piece {
        message_id: u8,
        free_form: BTreeMap<String, u8>,
    }

    fn piece(message_id: u8) -> Piece {
        Piece {
            message_id,
            free_form: BTreeMap::from([("a_b".to_owned(), 1)]),
        }
    }

    async fn whole() -> EventStream<Piece> {
        EventStream::new(futures::stream::iter([Ok::<_, Problem>(piece(1)), Ok(piece(2))]))
    }

    async fn broken() -> EventStream<Piece> {
        EventStream::new(futures::stream::iter([
            Ok(piece(1)),
            Err(Error::internal("secret cause")),
            Ok(piece(2)),
        ]))
    }

    async fn panicking() -> EventStream<Piece> {
        EventStream::new(futures::stream::iter([1, 2]).map(|n| {
            if n == 1 {
                Ok::<_, Problem>(piece(1))
            } else {
                panic!("at 2")
            }
        }))
    }

    async fn anonymous() -> EventStream<Piece> {
        EventStream::without_ids(futures::stream::iter([Ok::<_, Problem>(piece(1))]))
    }

    async fn slow() -> EventStream<Piece> {
        let late = tokio::time::interval(Duration::from_secs(40));
        let late = futures::stream::unfold((late, 0), |(mut late, n)| async move {
            late.tick().await;
            (n < 2).then(|| (Ok::<_, Infallible>(n), (late, n + 1)))
        });
        EventStream::new(late.map(|n| Ok::<_, Problem>(piece(n.unwrap_or_default()))))
    }

    fn server() -> Server {
        let api = Api::new("Test")
            .on_both_prefixes()
            .get("/whole", whole, "")
            .get("/broken", broken, "");
        Server::new(
            api.get("/panicking", panicking, "")
                .get("/slow", slow, "")
                .get("/anonymous", anonymous, ""),
        )
    }

    #[tokio::test]
    async fn frames_are_numbered_in_the_spelling_of_the_api_style_and_end_with_done() {
        for (path, id, free) in [
            ("/api/v1/whole", "message_id", "free_form"),
            ("/api/whole", "messageId", "freeForm"),
        ] {
            let answer = server().get(path).await;
            let frame = |n: u8| format!("id: {n}\ndata: {{\"{id}\":{n},\"{free}\":{{\"a_b\":1}}}}\n\n");
            assert_eq!(answer.text(), format!("{}{}data: [DONE]\n\n", frame(1), frame(2)));
            assert_eq!(answer.header("content-type"), "text/event-stream");
            assert_eq!(answer.header("cache-control"), "no-cache, no-transform");
            assert_eq!(answer.header("x-accel-buffering"), "no");
        }
    }

    #[tokio::test]
    async fn events_without_ids_have_none() {
        let answer = server().get("/api/v1/anonymous").await;
        assert!(
            answer.text().starts_with("data: {\"message_id\":1,"),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains("id: "));
    }

    #[tokio::test]
    async fn a_failure_is_an_error_event_and_the_end() {
        for path in ["/api/v1/broken", "/api/panicking"] {
            let answer = server().get(path).await;
            let (first, rest) = answer.text().split_once("\n\n").unwrap();
            assert!(first.starts_with("id: 1\ndata: {"), "{first}");
            let problem: Value =
                serde_json::from_str(rest.strip_prefix("event: error\ndata: ").unwrap().trim_end()).unwrap();
            assert_eq!(
                (problem["status"].as_u64(), problem["code"].as_str()),
                (Some(500), Some("internal"))
            );
            assert_eq!(problem["request_id"], answer.header("x-request-id"));
            assert!(
                !answer.text().contains("[DONE]") && !answer.text().contains("secret"),
                "{}",
                answer.text()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_every_15_seconds() {
        let mut body = server()
            .open(Request::get("/api/v1/slow"), Body::empty())
            .await
            .into_body()
            .into_data_stream();
        let began = tokio::time::Instant::now();
        let mut seen = Vec::new();
        while let Some(frame) = body.next().await {
            let frame = frame.unwrap();
            let kind = if frame.starts_with(b":") { "comment" } else { "frame" };
            // An empty line after a comment would dispatch the ID before it as an event of its own.
            assert_eq!(frame.ends_with(b"\n\n"), kind == "frame", "{frame:?}");
            seen.push((began.elapsed().as_secs(), kind));
        }
        assert_eq!(
            seen[..4],
            [(0, "frame"), (15, "comment"), (30, "comment"), (40, "frame")]
        );
    }
}
