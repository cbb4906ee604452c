//! Operations for visitors of web sites: only pages that may embed a chatbot can read their responses.

use app::{App, Website};
use axum::{
    extract::FromRequestParts,
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, on},
};
use domain::{ChatbotId, Secret};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Api, Describe, Path, Problem, Result,
    describe::OperationDoc,
    headers,
    request_context::{RequestContext, bearer, only},
};

/// How long browsers remember that a page may call, in seconds.
const PREFLIGHT_SECONDS: &str = "600";

/// The parameter `{chatbot_id}`.
#[derive(Deserialize, JsonSchema)]
struct ChatbotPath {
    chatbot_id: ChatbotId,
}

/// The chatbot of the path, on the page that sent the request. It stands before everything else in a signature, so
/// that pages that may not embed the chatbot cannot read errors either.
///
/// # Errors
/// 403 `origin_not_allowed` or `widget_paused`, and 404.
pub struct OnWebsite(pub Website);

impl FromRequestParts<App> for OnWebsite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        let found = website(parts, app).await;
        let origin = parts.headers.get(header::ORIGIN).cloned();
        // Paused chatbots say so to the pages that embed them.
        let may_read = match &found {
            Ok(_) => true,
            Err(problem) => problem.code() == "widget_paused",
        };
        let _ = context.page.set(origin.filter(|_| may_read));
        found.map(Self)
    }
}

async fn website(parts: &mut Parts, app: &App) -> Result<Website> {
    let Path(ChatbotPath { chatbot_id }) = Path::from_request_parts(parts, app).await?;
    let origin = only(&parts.headers, header::ORIGIN.as_str())?;
    Ok(app.website(&chatbot_id, origin).await?)
}

impl Describe for OnWebsite {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.path_parameters::<ChatbotPath>();
        for status in [403, 404] {
            doc.problem(status);
        }
    }
}

/// The session token of a visitor (`Authorization: Bearer`), which the app verifies.
///
/// # Errors
/// 401 without one.
pub struct VisitorToken(pub Secret);

impl<S: Send + Sync> FromRequestParts<S> for VisitorToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let detail = "Send the `sessionId` as `Authorization: Bearer`.";
        let missing = || Problem::new(StatusCode::UNAUTHORIZED, "credentials_required", detail);
        bearer(&parts.headers)?.map(Self).ok_or_else(missing)
    }
}

impl Describe for VisitorToken {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_visitor_token();
    }
}

impl Api {
    /// Answers preflights of the previous operation, to pages that may embed its chatbot.
    #[must_use]
    pub fn for_websites(self) -> Self {
        self.preflight(&on(MethodFilter::OPTIONS, check_page))
    }
}

async fn check_page(_: OnWebsite, requested: HeaderMap) -> Response {
    let mut answer = headers::allow_all(&requested).into_response();
    let seconds = HeaderValue::from_static(PREFLIGHT_SECONDS);
    answer.headers_mut().insert(header::ACCESS_CONTROL_MAX_AGE, seconds);
    answer
}
