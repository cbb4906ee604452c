//! `Idempotency-Key`: a request that is repeated with its key is executed once, and receives the same response
//! (draft-ietf-httpapi-idempotency-key-header).

mod fingerprint;
mod recording;

use std::{sync::Arc, time::Duration};

use app::{Begun, Cipher, Credential, IdempotencyKey, StoredAnswer, Undecryptable};
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use domain::Error;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use self::{fingerprint::fingerprint, recording::Recording};
use crate::{
    Problem, Result,
    describe::Authorize,
    request_context::{RequestContext, only},
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Headers that a replayed response repeats; all others are created anew.
const KEPT_HEADERS: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::LINK,
    header::LOCATION,
    header::ETAG,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
];
/// Maximum size of a stored response, in bytes: a table item is limited to 400 KB.
const MAX_KEPT_BYTES: usize = 300 * 1024;
/// Maximum length of a key, in characters.
const MAX_KEY: usize = 255;
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often a running request extends its lease: a model may run for minutes, and the lease lasts two and a half.
const EXTEND: Duration = Duration::from_mins(1);

/// Returns the schema of a key, for the `OpenAPI` document.
pub(crate) fn key_schema() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"})
}

/// Executes `run` unless the request repeats an executed one. `authorize`: the permissions that the caller must have in
/// either case, because they may have lost them since the first execution.
pub(crate) async fn run_idempotent(
    context: &Arc<RequestContext>,
    request: Request,
    authorize: &[Authorize],
    run: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    match Box::pin(claim(context, request, authorize)).await {
        Ok(Claimed::NoKey(request)) => run(request).await,
        Ok(Claimed::Fresh(request, claim)) => {
            let answer = claim.held(run(request)).await;
            claim.keep(answer).await
        }
        Ok(Claimed::Replay(answer)) => answer,
        Err(problem) => problem.render(context, HeaderMap::new()),
    }
}

enum Claimed {
    NoKey(Request),
    Fresh(Request, Claim),
    Replay(Response),
}

/// A claimed key, until its response is stored or it is released.
struct Claim {
    context: Arc<RequestContext>,
    key: IdempotencyKey,
    cipher: Cipher,
    associated_data: Vec<u8>,
}

async fn claim(context: &Arc<RequestContext>, request: Request, authorize: &[Authorize]) -> Result<Claimed> {
    let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method());
    let Some(key) = only(request.headers(), IDEMPOTENCY_KEY)?.filter(|_| changes) else {
        return Ok(Claimed::NoKey(request));
    };
    if !(1..=MAX_KEY).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = "Invalid `Idempotency-Key`; send 1 to 255 visible ASCII characters.";
        return Err(Error::bad_request("invalid_idempotency_key", detail).into());
    }
    let owner = match context.identity_if_known().await? {
        Some(Some(identity)) => {
            // An API key does not receive responses to its user or to their other keys: its permissions may be
            // narrower.
            let key = if let Credential::Key(grant) = &identity.credential {
                grant.id.as_str()
            } else {
                ""
            };
            Some(format!("{}\n{}\n{key}", identity.user.id, context.named_org()))
        }
        Some(None) => None,
        // Isolated from the keys of all other callers.
        None => Some(format!("unknown\n{}", context.token_digest())),
    };
    let key = key.to_owned();
    // Before the body is read, which would cost more than rejecting the caller.
    let (mut parts, body) = request.into_parts();
    for check in authorize {
        check(&mut parts).await?;
    }
    let request = Request::from_parts(parts, body);
    let (request, fingerprint) = fingerprint(request).await?;
    let key = IdempotencyKey {
        // Anonymous callers share no keys: without an identity, only equal requests match.
        scope: owner.unwrap_or_else(|| format!("anonymous\n{fingerprint}")),
        route: format!("{} {}", context.method, context.path),
        key,
        holder: hex::encode(domain::id::random_bytes::<8>()?),
    };
    let cipher = context.backend.cipher(key.key.as_bytes(), "kept answer").await?;
    let associated_data = format!("{}\n{}", key.scope, key.route).into_bytes();
    match context.backend.begin(&key, &fingerprint).await? {
        Begun::Fresh => Ok(Claimed::Fresh(
            request,
            Claim {
                context: context.clone(),
                key,
                cipher,
                associated_data,
            },
        )),
        Begun::Replay(kept) => replay(&cipher, &associated_data, &kept).map(Claimed::Replay),
        Begun::Mismatch => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This `Idempotency-Key` was used with another request; send a new one.",
        )),
        Begun::Running => {
            let detail = "The first request with this `Idempotency-Key` is still running; try again in a moment.";
            Err(Error::InProgress {
                detail,
                retry_after: TRY_AGAIN,
            }
            .into())
        }
    }
}

fn replay(cipher: &Cipher, associated_data: &[u8], kept: &StoredAnswer) -> Result<Response> {
    let body = cipher
        .decrypt(associated_data, &kept.body)
        .map_err(|error| match error {
            // Stored a moment ago by a process with a newer key, which this process loads within a minute.
            Undecryptable::UnknownKey => Error::unavailable(error),
            Undecryptable::Altered => Error::internal(error),
        })?;
    let mut response = Body::from(body).into_response();
    *response.status_mut() = StatusCode::from_u16(kept.status).map_err(Error::internal)?;
    for (name, value) in &kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

impl Claim {
    /// Runs `work` and extends the lease of the key meanwhile.
    async fn held<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(EXTEND, work.as_mut()).await {
                Ok(done) => return done,
                Err(_) => self.extend().await,
            }
        }
    }

    async fn extend(&self) {
        self.note(self.context.backend.extend(&self.key).await);
    }

    /// Stores the response, or releases the key if a retry may succeed. An event stream is stored at its end.
    async fn keep(self, response: Response) -> Response {
        let status = response.status();
        let is_running = status == StatusCode::CONFLICT && response.headers().contains_key(header::RETRY_AFTER);
        let is_refused = [StatusCode::TOO_MANY_REQUESTS, StatusCode::UNAUTHORIZED].contains(&status);
        if status.is_server_error() || is_refused || is_running {
            self.abandon().await;
            return response;
        }
        let (parts, body) = response.into_parts();
        let head = StoredAnswer {
            status: status.as_u16(),
            headers: kept_headers(&parts.headers),
            body: Vec::new(),
        };
        if body.size_hint().exact().is_none() {
            return Response::from_parts(parts, Recording::start(self, head, body));
        }
        let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            self.abandon().await;
            return Problem::from(Error::internal("a response body failed")).render(&self.context, HeaderMap::new());
        };
        self.finish(head, &bytes).await;
        Response::from_parts(parts, Body::from(bytes))
    }

    /// Stores a response. The work is done even if this fails, so a failure is only logged.
    async fn finish(&self, mut answer: StoredAnswer, body: &[u8]) {
        let not_kept;
        let mut body = body;
        if body.len() > MAX_KEPT_BYTES {
            let problem = Problem::new(
                StatusCode::CONFLICT,
                "answer_not_kept",
                "The request was executed, but its response was too large to store; read the result instead.",
            );
            not_kept = problem.body(&self.context);
            body = &not_kept;
            let (status, media_type) = problem.shown_to(&self.context);
            answer.status = status.as_u16();
            answer.headers = vec![("content-type".to_owned(), media_type.to_owned())];
        }
        let kept = async {
            answer.body = self.cipher.encrypt(&self.associated_data, body)?;
            self.context.backend.finish(&self.key, &answer).await
        };
        self.note(kept.await);
    }

    async fn abandon(&self) {
        self.note(self.context.backend.abandon(&self.key).await);
    }

    fn note(&self, outcome: domain::Result<()>) {
        if let Err(error) = outcome {
            tracing::error!(request_id = self.context.request_id, %error, "the state of an idempotency key was not stored");
        }
    }
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = KEPT_HEADERS
        .iter()
        .filter_map(|name| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned())));
    kept.collect()
}

#[cfg(test)]
mod tests;
