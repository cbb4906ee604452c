//! Parameters in the path and the query, and preferences in headers.

use std::time::Duration;

use axum::extract::{
    FromRequestParts, Path as AxumPath, RawPathParams,
    rejection::{PathRejection, RawPathParamsRejection},
};
use domain::Error;
use http::{HeaderMap, header, request::Parts};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    Describe, Problem, Result, case_mapping,
    describe::OperationDoc,
    query::{self, QueryParameters},
    request_context::only,
};

/// Maximum length of a path parameter, in bytes: far above any ID or slug, far below the limit of a table key.
pub(crate) const MAX_SEGMENT_BYTES: usize = 256;
/// Maximum time a request may wait for background work.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// Path parameters: one value, or a tuple in the order of the path.
///
/// # Errors
/// 404 for a value that cannot be valid, 400 if it is not UTF-8.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        check_segments(RawPathParams::from_request_parts(parts, state).await)?;
        match AxumPath::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => Ok(Self(value)),
            Err(PathRejection::MissingPathParams(error)) => Err(Error::internal(error.to_string()).into()),
            Err(_) => Err(Error::NotFound("resource").into()),
        }
    }
}

/// Returns the segment of the path that the parameter `name` matched.
pub(crate) async fn named_in_path<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok()?;
    let mut found = params.iter().filter(|(found, _)| *found == name);
    found.next().map(|(_, value)| value.to_owned())
}

fn check_segments(params: Result<RawPathParams, RawPathParamsRejection>) -> Result<()> {
    let Ok(params) = params else {
        return Err(Error::bad_request("invalid_path", "the path is not UTF-8; encode it as UTF-8").into());
    };
    let nameable = |value: &str| value.len() <= MAX_SEGMENT_BYTES && !value.chars().any(char::is_control);
    if params.iter().all(|(_, value)| nameable(value)) {
        Ok(())
    } else {
        Err(Error::NotFound("resource").into())
    }
}

/// Query parameters, in any spelling. Those that no extractor of the operation reads are rejected before it
/// runs (`query`).
///
/// # Errors
/// 422 with the name of the parameter as pointer.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + 'static> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        query::decode(&case_mapping::input::<T>(), query).map(Self)
    }
}

/// How long the client wants to wait for background work (`Prefer: wait=10`, RFC 7240 section 4.3), at most
/// [`MAX_WAIT`]. An invalid preference is ignored, as the RFC requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Option<Duration>);

impl Wait {
    fn of(headers: &HeaderMap) -> Self {
        let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let wait = preferences.flat_map(|value| value.split(',')).find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            let seconds = value.trim().trim_matches('"').parse().ok()?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| Duration::from_secs(seconds))
        });
        Self(wait.map(|wait| wait.min(MAX_WAIT)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Wait {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self::of(&parts.headers))
    }
}

/// Whether the client requests an event stream (`Accept: text/event-stream`). Ranges such as `*/*` do not request one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantsStream(pub bool);

/// Whether the client requests JSON (`Accept: application/json`) where the response is otherwise a redirect. Ranges
/// such as `*/*` do not request it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantsJson(pub bool);

impl WantsStream {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(names_in_accept(headers, "text/event-stream"))
    }
}

/// Returns whether `Accept` names a media type.
fn names_in_accept(headers: &HeaderMap, media_type: &str) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|element| asks_for(element, media_type))
}

/// Returns whether an element of `Accept` is this media type with a weight above zero (RFC 9110 section 12.4.2).
fn asks_for(element: &str, media_type: &str) -> bool {
    let mut parts = element.split(';').map(str::trim);
    let is_it = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
    let weight = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim_end().eq_ignore_ascii_case("q"))
        .and_then(|(_, weight)| weight.trim().parse::<f32>().ok());
    is_it && weight.is_none_or(|weight| weight > 0.0)
}

impl<S: Send + Sync> FromRequestParts<S> for WantsJson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self(names_in_accept(&parts.headers, "application/json")))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WantsStream {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self::of(&parts.headers))
    }
}

/// The ID of the last event that the client of a stream received (`Last-Event-ID`,
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let id = only(&parts.headers, "last-event-id")?.filter(|id| !id.is_empty());
        Ok(Self(id.map(str::to_owned)))
    }
}

impl Describe for LastEventId {
    fn describe(doc: &mut OperationDoc<'_>) {
        let text = "The `id:` of the last event received; the response continues after it.";
        doc.header_parameter("Last-Event-ID", text, &json!({"type": "string", "maxLength": 255}));
        doc.problem(400);
    }
}

impl<T: JsonSchema> Describe for Path<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.path_parameters::<T>();
        doc.problem(404);
    }
}

impl<T: JsonSchema + 'static> Describe for Query<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.query_parameters::<T>();
        doc.problem(422);
    }

    fn query(parameters: &mut QueryParameters) {
        parameters.add(&case_mapping::input::<T>());
    }
}

impl Describe for Wait {
    fn describe(doc: &mut OperationDoc<'_>) {
        let text = "`wait=N` waits up to N seconds (at most 20) for background work.";
        doc.header_parameter("Prefer", text, &json!({"type": "string", "examples": ["wait=10"]}));
    }
}

impl Describe for WantsStream {
    fn describe(_: &mut OperationDoc<'_>) {}
}

impl Describe for WantsJson {
    fn describe(_: &mut OperationDoc<'_>) {}
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{Api, Json, testing::Server};

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Filter {
        /// Whose.
        scope_of: Option<String>,
        at_least: Option<u8>,
        #[serde(default)]
        with_all: bool,
    }

    async fn two(Path((a, b)): Path<(String, u8)>) -> Json<(String, u8)> {
        Json((a, b))
    }

    async fn fixed() -> Json<&'static str> {
        Json("fixed")
    }

    async fn filtered(Query(filter): Query<Filter>) -> Json<Filter> {
        Json(filter)
    }

    async fn waited(Wait(wait): Wait, WantsStream(stream): WantsStream) -> Json<(Option<u64>, bool)> {
        Json((wait.map(|wait| wait.as_secs()), stream))
    }

    fn server() -> Server {
        let api = Api::new("Test")
            .get("/things/{a}/{b}", two, "")
            .get("/things/{a}/1", fixed, "");
        Server::new(
            api.get("/filtered", filtered, "")
                .get("/api/filtered", filtered, "")
                .get("/waited", waited, ""),
        )
    }

    #[tokio::test]
    async fn path_parameters_are_decoded_and_a_static_segment_wins() {
        let server = server();
        assert_eq!(server.get("/things/a%20b/7").await.json(), json!(["a b", 7]));
        assert_eq!(server.get("/things/a/1").await.text(), "\"fixed\"");
    }

    #[tokio::test]
    async fn an_invalid_segment_is_not_found() {
        let server = server();
        server.get("/things/a/nine").await.problem(404, "not_found");
        server
            .get(&format!("/things/{}/7", "x".repeat(257)))
            .await
            .problem(404, "not_found");
        server.get("/things/a%00/7").await.problem(404, "not_found");
        server.get("/things/%ff/7").await.problem(400, "invalid_path");
    }

    #[tokio::test]
    async fn query_parameters_are_known_in_any_spelling() {
        let server = server();
        for query in [
            "scope_of=x&at_least=3&with_all=true",
            "scopeOf=x&atLeast=3&withAll=true&_=1&utm_source=mail",
        ] {
            let expected = json!({"scope_of": "x", "at_least": 3, "with_all": true});
            assert_eq!(server.get(&format!("/filtered?{query}")).await.json(), expected);
        }
        for (query, pointer) in [
            ("atLeast=many", "/at_least"),
            ("at_least=1&atLeast=2", "/at_least"),
            ("with_all=2", "/with_all"),
        ] {
            let problem = server.get(&format!("/filtered?{query}")).await.problem(422, "invalid");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
        let problem = server.get("/api/filtered?at_least=300").await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/atLeast");
    }

    #[tokio::test]
    async fn preferences_are_read_leniently() {
        let server = server();
        for (prefer, accept, expected) in [
            ("wait=5", "application/json", json!([5, false])),
            ("respond-async, Wait=\"7\"; x=1", "text/event-stream", json!([7, true])),
            (
                "wait=3600",
                "application/json;q=0.5, Text/Event-Stream;q=1",
                json!([20, true]),
            ),
            ("wait=soon", "*/*", json!([null, false])),
            ("", "text/event-stream;q=0", json!([null, false])),
            (
                "",
                "application/json, text/event-stream; charset=utf-8; Q=0.000",
                json!([null, false]),
            ),
            ("", "text/event-stream; q=0.001", json!([null, true])),
            ("", "text/*", json!([null, false])),
            ("wait=-1", "", json!([null, false])),
        ] {
            let request = Request::get("/waited")
                .header("prefer", prefer)
                .header("accept", accept);
            assert_eq!(server.call(request, Body::empty()).await.json(), expected, "{prefer}");
        }
    }
}
