//! The context of one request: created by the middleware, shared by all extractors.

use std::sync::{Arc, OnceLock};

use app::Identity;
use bytes::Bytes;
use domain::{Error, Membership, Secret};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header, request::Parts};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::{
    ApiRoot, Backend, Problem, Result,
    api_style::{self, ApiStyle},
    body::clip,
    case_mapping,
};

/// Header that names the current organization, by ID or slug.
pub(crate) const CURRENT_ORG: &str = "x-current-org";
/// Header that contains an API key.
pub(crate) const API_KEY: &str = "x-api-key";
/// Header that contains the ID of the request.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// The error code for a request with two credentials.
const AMBIGUOUS: &str = "ambiguous_credentials";
/// Maximum length of an organization's ID or slug, in bytes.
const MAX_ORG_BYTES: usize = 64;

/// Maximum length of a request ID, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// Returns the schema of request IDs that clients may send, for the `OpenAPI` document; others are replaced.
pub(crate) fn request_id_schema() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_REQUEST_ID, "pattern": "^[A-Za-z0-9._-]+$"})
}

/// Returns the schema of an organization's ID or slug, for the `OpenAPI` document.
pub(crate) fn named_org_schema() -> Value {
    json!({"type": "string", "maxLength": MAX_ORG_BYTES, "pattern": "^[A-Za-z0-9-]*$"})
}

/// One request. Credentials are resolved once, when the first extractor needs them.
pub(crate) struct RequestContext {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) request_id: String,
    pub(crate) style: ApiStyle,
    pub(crate) began_ms: i64,
    pub(crate) method: http::Method,
    /// Path without a trailing slash.
    pub(crate) path: String,
    /// The relative reference from its URL to the root of the API.
    pub(crate) root: ApiRoot,
    /// Template of the matched route.
    pub(crate) route: OnceLock<String>,
    /// The JSON body as the client wrote it, for pointers in the client's spelling.
    pub(crate) body: OnceLock<Bytes>,
    /// For operations of web sites: the origin of the page, if it may embed the chatbot. No other page may read the
    /// response.
    pub(crate) page: OnceLock<Option<HeaderValue>>,
    token: Result<Option<Secret>>,
    /// Hex SHA-256 of malformed credentials; empty if they are well-formed.
    refused_digest: String,
    org: Result<Option<String>>,
    identity: OnceCell<Result<Option<Arc<Identity>>>>,
    membership: OnceCell<Result<Membership>>,
}

impl RequestContext {
    /// Creates the context of an arriving request. `root`: computed before its path lost a trailing slash.
    pub(crate) fn open<B>(backend: Arc<dyn Backend>, request: &Request<B>, root: ApiRoot) -> Arc<Self> {
        let path = request.uri().path();
        let headers = request.headers();
        let token = credentials(headers);
        Arc::new(Self {
            refused_digest: token.as_ref().err().map(|_| digest_of(headers)).unwrap_or_default(),
            request_id: client_request_id(headers).unwrap_or_else(|| backend.request_id()),
            began_ms: backend.now_ms(),
            style: ApiStyle::of(path),
            method: request.method().clone(),
            path: path.to_owned(),
            root,
            route: OnceLock::new(),
            body: OnceLock::new(),
            page: OnceLock::new(),
            token,
            org: only(headers, CURRENT_ORG).map(|org| org.map(str::to_owned)),
            identity: OnceCell::new(),
            membership: OnceCell::new(),
            backend,
        })
    }

    /// Returns the context that the middleware added to the request.
    pub(crate) fn of(parts: &Parts) -> Result<Arc<Self>> {
        let context = parts.extensions.get::<Arc<Self>>().cloned();
        context.ok_or_else(|| Error::internal("the request did not pass the middleware").into())
    }

    /// Returns the caller's identity: `None` without credentials, an error if they are invalid.
    pub(crate) fn identity(&self) -> BoxFuture<'_, Result<Option<Arc<Identity>>>> {
        let resolve = async || match self.token.clone()? {
            None => Ok(None),
            Some(token) => Ok(Some(Arc::new(self.backend.authenticate(&token).await?))),
        };
        Box::pin(async move { self.identity.get_or_init(resolve).await.clone() })
    }

    /// Returns the caller's identity, or 401.
    pub(crate) fn caller(&self) -> BoxFuture<'_, Result<Arc<Identity>>> {
        Box::pin(async {
            self.identity().await?.ok_or_else(|| {
                let detail = "Sign in and send `Authorization: Bearer <access token>`, or send an API key.";
                Problem::new(StatusCode::UNAUTHORIZED, "credentials_required", detail)
            })
        })
    }

    /// Returns the caller and their membership in the current organization.
    pub(crate) fn member(&self) -> BoxFuture<'_, Result<(Arc<Identity>, Membership)>> {
        Box::pin(async {
            let named = || Ok(self.org.clone()?.filter(|org| !org.is_empty()));
            let entered = self.membership_of(named).await;
            // Clients send the header with every request, so the missing resource may not be the requested one.
            entered.map_err(|problem| match problem.status() {
                StatusCode::NOT_FOUND if !self.named_org().is_empty() => {
                    let named = clip(self.named_org());
                    let detail = format!(
                        "The header `X-Current-Org` names the organization `{named}`, which does not exist, or you are not \
                         a member of it. Send the ID or slug of one of your organizations, or leave the header out."
                    );
                    Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
                }
                _ => problem,
            })
        })
    }

    /// Returns the caller and their membership in the organization that the path names; ignores the header.
    pub(crate) fn member_of(&self, org: String) -> BoxFuture<'_, Result<(Arc<Identity>, Membership)>> {
        Box::pin(self.membership_of(|| Ok(Some(org))))
    }

    async fn membership_of(
        &self,
        named: impl FnOnce() -> Result<Option<String>>,
    ) -> Result<(Arc<Identity>, Membership)> {
        let caller = self.caller().await?;
        let resolve = async || {
            let org = named()?;
            if org.as_ref().is_some_and(|org| org.len() > MAX_ORG_BYTES) {
                return Err(Error::NotFound("organization").into());
            }
            Ok(self.backend.membership_of(&caller, org.as_deref()).await?)
        };
        let membership = self.membership.get_or_init(resolve).await.clone()?;
        Ok((caller, membership))
    }

    /// Returns whether the client is made for `OpenAI`'s API.
    pub(crate) fn speaks_openai(&self) -> bool {
        api_style::speaks_openai(&self.path)
    }

    /// Returns the hex SHA-256 of the credentials; empty without any.
    pub(crate) fn token_digest(&self) -> String {
        match &self.token {
            Ok(Some(token)) => hex::encode(Sha256::digest(token.expose())),
            Ok(None) => String::new(),
            Err(_) => self.refused_digest.clone(),
        }
    }

    /// Returns the caller's identity; `None` if the credentials may be of another kind, such as the service key, which
    /// some clients send beside an access token: then the handler decides, and [`RequestContext::token_digest`] tells
    /// them apart.
    pub(crate) async fn identity_if_known(&self) -> Result<Option<Option<Arc<Identity>>>> {
        match self.identity().await {
            Ok(identity) => Ok(Some(identity)),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED || problem.code() == AMBIGUOUS => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Returns the identity, if it was resolved and valid.
    pub(crate) fn known_identity(&self) -> Option<&Identity> {
        self.identity.get()?.as_ref().ok()?.as_deref()
    }

    /// Returns the membership, if it was resolved and exists.
    pub(crate) fn known_membership(&self) -> Option<&Membership> {
        self.membership.get()?.as_ref().ok()
    }

    /// Returns the organization as the client named it.
    pub(crate) fn named_org(&self) -> &str {
        self.org.as_ref().ok().and_then(Option::as_deref).unwrap_or_default()
    }

    /// Returns how this client spells field names.
    pub(crate) fn spelling(&self) -> Spelling {
        let body = self.body.get().and_then(|body| serde_json::from_slice(body).ok());
        Spelling {
            style: self.style,
            body: body.unwrap_or_default(),
        }
    }
}

/// A client's spelling of field names: as in its request body if that has the field, else as in the API style.
pub(crate) struct Spelling {
    style: ApiStyle,
    body: Value,
}

impl Spelling {
    /// Returns `pointer` (RFC 6901, declared names) in the client's spelling.
    pub(crate) fn of(&self, pointer: &str) -> String {
        let mut value = Some(&self.body);
        let mut out = String::new();
        for segment in pointer.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            let (spelled, inner) = match value {
                Some(Value::Object(map)) => {
                    let same = || {
                        map.iter()
                            .find(|(key, _)| case_mapping::fold(key) == case_mapping::fold(&name))
                    };
                    match map.get_key_value(&name).or_else(same) {
                        Some((key, inner)) => (key.clone(), Some(inner)),
                        None => (self.style.spelling(&name), None),
                    }
                }
                Some(Value::Array(items)) => {
                    let inner = name.parse::<usize>().ok().and_then(|index| items.get(index));
                    (name, inner)
                }
                _ => (self.style.spelling(&name), None),
            };
            value = inner;
            out.push('/');
            out.push_str(&spelled.replace('~', "~0").replace('/', "~1"));
        }
        out
    }
}

/// Returns the value of a header that may be sent at most once.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::bad_request("repeated_header", format!("Send the header `{name}` only once.")).into());
    }
    let text = value.to_str().map_err(|_| {
        let detail = format!("The header `{name}` must contain only visible ASCII characters.");
        Error::bad_request("invalid_header", detail)
    })?;
    Ok(Some(text.trim()))
}

/// Returns the hex SHA-256 of all credentials in `headers`.
fn digest_of(headers: &HeaderMap) -> String {
    let mut digest = Sha256::new();
    for name in [header::AUTHORIZATION.as_str(), API_KEY] {
        for value in headers.get_all(name) {
            digest.update(value.as_bytes());
            digest.update(b"\n");
        }
        digest.update(b"\n");
    }
    hex::encode(digest.finalize())
}

/// Returns the access token or API key of the request.
fn credentials(headers: &HeaderMap) -> Result<Option<Secret>> {
    match (bearer(headers)?, only(headers, API_KEY)?) {
        (Some(_), Some(_)) => {
            Err(Error::bad_request(AMBIGUOUS, "Send `Authorization` or `X-API-Key`, not both.").into())
        }
        (token, key) => Ok(token.or(key.filter(|key| !key.is_empty()).map(Secret::new))),
    }
}

/// Returns the token of `Authorization: Bearer` (RFC 6750 section 2.1; the scheme is case-insensitive, RFC 9110).
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<Secret>> {
    let Some(value) = only(headers, header::AUTHORIZATION.as_str())? else {
        return Ok(None);
    };
    let token = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match token.map(|(_, token)| token.trim()) {
        Some(token) if !token.is_empty() => Ok(Some(Secret::new(token))),
        _ => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "credentials_required",
            "Unsupported `Authorization` header; send `Authorization: Bearer <access token or API key>`.",
        )),
    }
}

/// Returns the client's own request ID, if it is safe to log.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}
