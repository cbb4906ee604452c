//! The middleware around every handler, in this order:
//!
//! 1. the request receives its [`RequestContext`] and ID, and loses a trailing slash;
//! 2. a CORS preflight is answered, unless the routes decide which pages may call;
//! 3. the route is matched, or not;
//! 4. an unknown query parameter is rejected;
//! 5. for an idempotent route with an `Idempotency-Key`: the permission is checked, then the key is claimed, or
//!    its stored response is replayed;
//! 6. the handler runs; a panic becomes 500;
//! 7. the response is converted to the spelling of the API style, a problem receives its body;
//! 8. the response is stored under its key;
//! 9. a server error is recorded for operators;
//! 10. CORS and security headers and the request ID are added;
//! 11. one line is written to the access log.

use std::{
    any::Any,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use domain::Error;
use futures::FutureExt as _;
use http::{Method, StatusCode, Uri, header, uri::PathAndQuery};
use http_body_util::{BodyExt as _, Collected};

use crate::{
    ApiRoot, Backend, Problem, access_log, api::Rules, api_style::ApiStyle, describe::Authorize, drain::BodyDrain,
    headers, idempotency, problem::FailureCode, query, request_context::RequestContext, responses::Unrendered, stream,
};

/// The rules of routes, by method and template.
type RouteRules = Arc<HashMap<(String, String), Rules>>;
/// Maximum time that recording a failure may delay its response.
const NOTE_LIMIT: Duration = Duration::from_secs(1);

/// Wraps `router` in the middleware. `own_preflights`: its routes answer CORS preflights.
pub(crate) fn middleware_stack(
    router: Router,
    backend: Arc<dyn Backend>,
    rules: RouteRules,
    own_preflights: bool,
) -> Router {
    Router::new()
        .fallback_service(router.route_layer(from_fn_with_state(rules, handle_route)))
        .layer(from_fn_with_state((backend, own_preflights), handle_request))
}

async fn handle_request(
    State((backend, own_preflights)): State<(Arc<dyn Backend>, bool)>,
    mut request: Request,
    next: Next,
) -> Response {
    let root = ApiRoot::of(request.uri().path());
    strip_trailing_slash(&mut request);
    let context = RequestContext::open(backend, &request, root);
    request.extensions_mut().insert(context.clone());
    let preflight = headers::preflight(&request).filter(|_| !own_preflights);
    let mut response = if let Some(answer) = preflight {
        answer
    } else {
        let (request, drain) = BodyDrain::of(request);
        let response = render(&context, next.run(request).await).await;
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            drain.drain().await;
        }
        response
    };
    if let Some(FailureCode(code)) = response.extensions_mut().remove::<FailureCode>() {
        record_failure(&context, response.status().as_u16(), code).await;
    }
    headers::add(&context, response.headers_mut());
    access_log::write(context, response)
}

/// Records a server error for operators. A slow table must not delay the response.
async fn record_failure(context: &RequestContext, status: u16, code: &'static str) {
    let failed = app::Failed {
        request_id: context.request_id.clone(),
        method: context.method.to_string(),
        route: context.route.get().cloned().unwrap_or_default(),
        status,
        code,
    };
    if tokio::time::timeout(NOTE_LIMIT, context.backend.record_failure(failed))
        .await
        .is_err()
    {
        tracing::warn!(request_id = context.request_id, "a failure was not recorded in time");
    }
}

async fn handle(context: &Arc<RequestContext>, request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|panic| {
        let message = panic_message(panic.as_ref());
        Problem::from(Error::internal(format!("a handler panicked: {message}"))).into_response()
    });
    render(context, response).await
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Completes a response with what its handler does not know.
async fn render(context: &Arc<RequestContext>, mut response: Response) -> Response {
    match response.extensions_mut().remove::<Unrendered>() {
        Some(Unrendered::Problem(problem)) => problem.render(context, std::mem::take(response.headers_mut())),
        Some(Unrendered::Json(shape)) if context.style == ApiStyle::Camel => {
            let (mut parts, body) = response.into_parts();
            let whole = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(shape().to_camel(&whole)))
        }
        Some(Unrendered::Stream(frames, shape)) => {
            let frames = frames.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(frames) = frames else { return response };
            let shape = (context.style == ApiStyle::Camel).then(shape);
            stream::respond(context.clone(), frames, move |json| match &shape {
                Some(shape) => shape.to_camel(&json),
                None => json,
            })
        }
        _ => response,
    }
}

/// Runs after routing: the access log records the template, and an unknown path claims no key.
async fn handle_route(State(rules): State<RouteRules>, request: Request, next: Next) -> Response {
    let Some(context) = request.extensions().get::<Arc<RequestContext>>().cloned() else {
        return next.run(request).await;
    };
    let mut authorize: &[Authorize] = &[];
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        let _ = context.route.set(route.as_str().to_owned());
        // The handler of GET also answers HEAD.
        let method = Some(request.method()).filter(|method| *method != Method::HEAD);
        let method = method.unwrap_or(&Method::GET).to_string();
        if let Some(rules) = rules.get(&(method, route.as_str().to_owned())) {
            let query = request.uri().query().unwrap_or_default();
            if let Err(problem) = query::require_known(context.style, query, rules.query) {
                return render(&context, problem.into_response()).await;
            }
            if !rules.repeatable {
                return handle(&context, request, next).await;
            }
            authorize = &rules.authorize;
        }
    }
    idempotency::run_idempotent(&context, request, authorize, |request| handle(&context, request, next)).await
}

/// `/documents/` is the same resource as `/documents`, without a redirect.
fn strip_trailing_slash(request: &mut Request) {
    let uri = request.uri();
    let path = uri.path().trim_end_matches('/');
    if path.is_empty() || path.len() == uri.path().len() {
        return;
    }
    let text = uri
        .query()
        .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use axum::body::Body;
    use http::Request;
    use serde_json::Value;

    use crate::{Api, Caller, Json, Message, NoContent, Problem, Result, testing::Server};

    async fn greet() -> Message {
        Message("hello")
    }

    async fn remove() -> NoContent {
        NoContent
    }

    async fn whoami(caller: Caller) -> Json<String> {
        Json(caller.identity.user.id.0.clone())
    }

    async fn fail() -> Result<Message> {
        let cause = std::io::Error::other("password of the table is hunter2");
        Err(Problem::from(domain::Error::internal(cause)))
    }

    async fn panic() -> Message {
        panic!("password of the table is hunter2")
    }

    fn server() -> Server {
        let api = Api::new("Test")
            .get("/things/{id}", greet, "")
            .delete("/things/{id}", remove, "")
            .get("/", greet, "");
        Server::new(
            api.get("/fail", fail, "")
                .get("/panic", panic, "")
                .get("/api/whoami", whoami, ""),
        )
    }

    #[tokio::test]
    async fn a_trailing_slash_is_the_same_resource_without_a_redirect() {
        for path in ["/things/1", "/things/1/", "/things/1///?_=b", "/"] {
            assert_eq!(server().get(path).await.text(), r#"{"message":"hello"}"#, "{path}");
        }
    }

    #[tokio::test]
    async fn an_unknown_path_and_a_wrong_method_are_problems() {
        server().get("/nothing").await.problem(404, "unknown_route");
        server()
            .get("//evil.example/things/1")
            .await
            .problem(404, "unknown_route");
        let answer = server().post("/things/1", "{}").await;
        answer.problem(405, "method_not_allowed");
        let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["DELETE", "GET", "HEAD"]);
    }

    #[tokio::test]
    async fn a_request_id_is_the_clients_if_it_is_plain_and_else_ours() {
        for (given, expected) in [
            ("abc-DEF_1.2", "abc-DEF_1.2"),
            ("", "request-1"),
            ("two words", "request-1"),
            ("a\"b", "request-1"),
            (&"x".repeat(128), &"x".repeat(128)),
            (&"x".repeat(129), "request-1"),
        ] {
            let answer = server()
                .call(Request::get("/nothing").header("x-request-id", given), Body::empty())
                .await;
            assert_eq!(answer.header("x-request-id"), expected);
            assert_eq!(answer.json()["request_id"], expected);
        }
    }

    #[tokio::test]
    async fn every_answer_has_the_security_headers() {
        for path in ["/things/1", "/nothing", "/fail"] {
            let answer = server().get(path).await;
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("strict-transport-security", "max-age=63072000; includeSubDomains"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("cache-control", "no-store"),
                ("access-control-allow-origin", "*"),
            ] {
                assert_eq!(answer.header(name), value, "{name} of {path}");
            }
        }
    }

    #[tokio::test]
    async fn a_preflight_allows_every_known_header_and_method() {
        let request = Request::options("/things/1")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "DELETE")
            .header("access-control-request-headers", "authorization, idempotency-key");
        let answer = server().call(request, Body::empty()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            (204, "*")
        );
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        for name in [
            "authorization",
            "content-type",
            "idempotency-key",
            "x-current-org",
            "x-request-id",
            "prefer",
        ] {
            assert!(allowed.split(", ").any(|header| header == name), "{name} is missing");
        }
        assert!(answer.header("access-control-allow-methods").contains("DELETE"));
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        let exposed = server()
            .get("/things/1")
            .await
            .header("access-control-expose-headers")
            .to_lowercase();
        for name in ["link", "x-request-id", "retry-after", "idempotent-replayed"] {
            assert!(exposed.split(", ").any(|header| header == name), "{name} is missing");
        }
        let plain = server().call(Request::options("/things/1"), Body::empty()).await;
        plain.problem(405, "method_not_allowed");
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0
                .lock()
                .map_err(|_| std::io::Error::other("poisoned"))?
                .extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn lines(&self) -> Vec<Value> {
            let log = self
                .0
                .lock()
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default();
            log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
        }
    }

    fn record() -> (Log, tracing::subscriber::DefaultGuard) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    #[tokio::test]
    async fn a_server_error_is_logged_and_not_disclosed() {
        for path in ["/fail", "/panic"] {
            let (log, guard) = record();
            let answer = server().get(path).await;
            drop(guard);
            answer.problem(500, "internal");
            assert!(!answer.text().contains("hunter2"));
            let line = log
                .lines()
                .into_iter()
                .find(|line| line["level"] == "ERROR")
                .unwrap_or_default();
            assert_eq!(line["fields"]["request_id"], answer.header("x-request-id"));
            assert!(line["fields"]["error"].to_string().contains("hunter2"), "{line}");
        }
    }

    #[tokio::test]
    async fn the_access_log_has_its_fields_and_nothing_else_of_the_request() {
        let (log, guard) = record();
        let request = Request::get("/api/whoami?_secret=hunter2").header("authorization", "Bearer ada");
        let answer = server().call(request.header("cookie", "hunter2"), Body::empty()).await;
        server().get("/things/hunter2?_secret=hunter2").await;
        drop(guard);
        assert_eq!(answer.status, 200);
        let lines = log.lines();
        let mut names: Vec<&str> = lines[0]["fields"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        let expected = "bytes duration_ms message method org_id request_id route status user_id whole";
        assert_eq!(names.join(" "), expected);
        assert_eq!(
            (&lines[0]["fields"]["user_id"], &lines[0]["fields"]["bytes"]),
            (&"user-ada".into(), &10.into())
        );
        assert_eq!(lines[1]["fields"]["route"], "/things/{id}");
        let log = serde_json::to_string(&lines).unwrap_or_default();
        assert!(!log.contains("hunter2") && !log.contains("Bearer"), "{log}");
    }
}
