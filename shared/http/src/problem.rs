//! Errors as `application/problem+json` (RFC 9457), with the one table of statuses.

use std::{sync::Arc, time::Duration};

use axum::response::{IntoResponse, Response};
use domain::{Error, FieldError, LimitReached, UpstreamKind};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    openai_error,
    rate_limit::{self, LimitView},
    request_context::RequestContext,
    responses::Unrendered,
};

/// The result of every handler.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// Maximum number of field errors in a response.
const MAX_FIELDS: usize = 50;

/// Marks a response whose problem is a server error, for operators.
#[derive(Clone, Copy)]
pub(crate) struct FailureCode(pub(crate) &'static str);

/// What rejected the request, beyond the code.
#[derive(Debug, Clone)]
enum RefusedBy {
    /// A token limit, a rate limit, or a limit of the plan.
    Limit(Box<LimitReached>),
    /// The provider of a model, because of this parameter.
    Parameter(String),
}

/// An error to be sent to the caller. `?` converts a [`domain::Error`].
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Box<str>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    /// What rejected the request.
    refused_by: Option<Box<RefusedBy>>,
    /// The operation next to this one to use instead.
    instead: Option<&'static str>,
    /// For the log only.
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// Creates a problem with a stable `snake_case` code and a sentence on what is wrong and what to do.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into().into_boxed_str(),
            errors: Vec::new(),
            retry_after: None,
            refused_by: None,
            instead: None,
            source: None,
        }
    }

    /// Adds a `Link` to the operation to use instead (`rel="alternate"`). `name`: the last segment of its path,
    /// replacing that of the request.
    #[must_use]
    pub(crate) fn with_alternative(self, name: &'static str) -> Self {
        Self {
            instead: Some(name),
            ..self
        }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the stable `snake_case` code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the body of the response to the request of `context`; logs server errors.
    pub(crate) fn body(&self, context: &RequestContext) -> Vec<u8> {
        if self.status.is_server_error() {
            let error = self.source.as_ref().map(chain).unwrap_or_default();
            tracing::error!(
                request_id = context.request_id,
                status = self.status.as_u16(),
                code = self.code,
                error,
                "request failed"
            );
        }
        if context.speaks_openai() {
            let invalid = self.errors.first().map(|error| FieldError {
                pointer: context.spelling().of(&error.pointer),
                ..error.clone()
            });
            let body =
                openai_error::Envelope::new(self.status, self.code, sentence(&self.detail), invalid, self.limit());
            let body = body.about(self.parameter()).at(&context.path, &context.request_id);
            return serde_json::to_vec(&body).unwrap_or_default();
        }
        let body = Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: sentence(&self.detail),
            code: self.code,
            request_id: &context.request_id,
            limit: self.limit().map(LimitView::of),
            errors: self.fields(context),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    fn limit(&self) -> Option<&LimitReached> {
        match self.refused_by.as_deref()? {
            RefusedBy::Limit(limit) => Some(limit),
            RefusedBy::Parameter(_) => None,
        }
    }

    fn parameter(&self) -> Option<&str> {
        match self.refused_by.as_deref()? {
            RefusedBy::Parameter(param) => Some(param),
            RefusedBy::Limit(_) => None,
        }
    }

    fn fields(&self, context: &RequestContext) -> Vec<Field> {
        if self.errors.is_empty() {
            return Vec::new();
        }
        let spelling = context.spelling();
        let shown = self.errors.iter().take(MAX_FIELDS);
        shown
            .map(|error| Field {
                pointer: spelling.of(&error.pointer),
                detail: error.detail.clone(),
            })
            .collect()
    }

    /// Returns its status and the media type of its body, as the client of `context` expects them.
    pub(crate) fn shown_to(&self, context: &RequestContext) -> (StatusCode, &'static str) {
        if context.speaks_openai() {
            (openai_error::status(self.status), "application/json")
        } else {
            (self.status, "application/problem+json")
        }
    }

    /// Returns the complete response to the request of `context`; [`IntoResponse`] cannot, because it has no request.
    pub(crate) fn render(&self, context: &RequestContext, mut headers: http::HeaderMap) -> Response {
        headers.remove(header::CONTENT_LENGTH);
        let (status, media_type) = self.shown_to(context);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(wait) = self.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)),
            );
        }
        // Clients of OpenAI's API retry server errors, unless they are told not to.
        if self.code == app::ANSWER_NOT_STREAMED && context.speaks_openai() {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if let Some(limit) = self.limit() {
            rate_limit::add(limit, self.retry_after, &mut headers);
        }
        let alternative = self.instead.map(|name| {
            let folder = context.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let reference = context.root.to(&format!("{folder}/{name}"));
            HeaderValue::try_from(format!("<{reference}>; rel=\"alternate\""))
        });
        if let Some(Ok(link)) = alternative {
            headers.insert(header::LINK, link);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let mut response = (status, self.body(context)).into_response();
        *response.headers_mut() = headers;
        if self.status.is_server_error() {
            response.extensions_mut().insert(FailureCode(self.code));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        type S = StatusCode;
        let detail = error.to_string();
        match error {
            Error::NotFound(what) => {
                let detail = format!("{what} not found, or you do not have access to it.");
                Self::new(S::NOT_FOUND, "not_found", detail)
            }
            Error::Unauthorized { code, .. } => Self::new(S::UNAUTHORIZED, code, detail),
            Error::Forbidden { code, .. } => Self::new(S::FORBIDDEN, code, detail),
            Error::Conflict { code, .. } => Self::new(S::CONFLICT, code, detail),
            Error::Gone { code, .. } => Self::new(S::GONE, code, detail),
            Error::InProgress { retry_after, .. } => Self {
                retry_after: Some(retry_after),
                ..Self::new(S::CONFLICT, "in_progress", detail)
            },
            Error::TooMany { code, retry_after, .. } => Self {
                retry_after: Some(retry_after),
                ..Self::new(S::TOO_MANY_REQUESTS, code, detail)
            },
            Error::Limit(limit) => {
                let (status, code, retry_after) = match limit.as_ref() {
                    LimitReached::Tokens { retry_after, .. } => {
                        (S::TOO_MANY_REQUESTS, "token_limit", Some(*retry_after))
                    }
                    LimitReached::Requests(rate_limit) => {
                        (S::TOO_MANY_REQUESTS, "rate_limited", Some(rate_limit.retry_after))
                    }
                    LimitReached::Plan(_) => (S::CONFLICT, "limit_reached", None),
                };
                Self {
                    retry_after,
                    refused_by: Some(Box::new(RefusedBy::Limit(limit))),
                    ..Self::new(status, code, detail)
                }
            }
            Error::Invalid(errors) => Self {
                errors,
                ..Self::new(
                    S::UNPROCESSABLE_ENTITY,
                    "invalid",
                    "Some fields are invalid; see `errors`.",
                )
            },
            Error::Unusable { code, pointer, .. } => Self {
                errors: vec![FieldError::new(pointer, detail.clone())],
                ..Self::new(S::UNPROCESSABLE_ENTITY, code, detail)
            },
            Error::BadRequest { code, .. } => Self::new(S::BAD_REQUEST, code, detail),
            Error::TooLarge { .. } => Self::new(S::PAYLOAD_TOO_LARGE, "too_large", detail),
            Error::UnsupportedMedia(_) => Self::new(S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail),
            Error::Upstream {
                kind,
                code,
                retry_after,
                ..
            } => {
                let status = match kind {
                    UpstreamKind::BadAnswer => S::BAD_GATEWAY,
                    UpstreamKind::Unavailable => S::SERVICE_UNAVAILABLE,
                    UpstreamKind::TimedOut => S::GATEWAY_TIMEOUT,
                };
                Self {
                    retry_after,
                    ..Self::new(status, code, detail)
                }
            }
            Error::ModelRequest {
                is_missing,
                code,
                param,
                ..
            } => {
                let status = if is_missing { S::NOT_FOUND } else { S::BAD_REQUEST };
                Self {
                    refused_by: param.map(|param| Box::new(RefusedBy::Parameter(param))),
                    ..Self::new(status, code, detail)
                }
            }
            Error::Unavailable(source) => Self {
                source: Some(source.into()),
                retry_after: Some(Duration::from_secs(1)),
                ..Self::new(
                    S::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "A service that this request needs is unavailable; try again in a moment.",
                )
            },
            Error::Internal(source) => Self {
                source: Some(source.into()),
                ..Self::new(
                    S::INTERNAL_SERVER_ERROR,
                    "internal",
                    "An internal error occurred; if it happens again, report the `request_id`.",
                )
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Unrendered::Problem(self));
        response
    }
}

/// The body of every error response (RFC 9457 with `code`, `request_id` and `errors`), in `snake_case` in both API
/// styles: the standard defines its member names.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Body<'a> {
    /// Always `about:blank`: problems are distinguished by `code`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The name of the status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, and what to do about it.
    detail: String,
    /// Stable error code in `snake_case`.
    code: &'static str,
    /// Identifies the request in the logs.
    request_id: &'a str,
    /// The limit that rejected the request (429, or 409 `limit_reached`).
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitView>,
    /// The invalid parts of the request (422).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Field>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProblemField")]
struct Field {
    /// JSON pointer (RFC 6901) into the body, in the spelling that the request used; or the name of a
    /// query parameter after a slash.
    pointer: String,
    /// What is wrong with it, or what is valid.
    detail: String,
}

/// Capitalizes the first letter and adds a full stop. A name such as `max_tokens` or `openai/gpt-4o` stays unchanged.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_name = first.contains(|c: char| c.is_ascii_digit() || matches!(c, '_' | '/' | ':'));
    let mut out: String = match letters.next() {
        Some(letter) if !is_name => letter.to_uppercase().collect(),
        letter => letter.into_iter().collect(),
    };
    out.push_str(letters.as_str());
    if !out.ends_with(['.', '!', '?', ')']) {
        out.push('.');
    }
    out
}

fn chain(error: &Arc<dyn std::error::Error + Send + Sync>) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
