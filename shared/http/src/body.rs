//! Request bodies: JSON or a form, in any spelling, validated.

use std::sync::Arc;

use axum::{
    body::Body as Bytestream,
    extract::{FromRequest, OptionalFromRequest, Request},
};
use bytes::Bytes;
use domain::Error;
use futures::future::BoxFuture;
use garde::Validate;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::{
    Describe, Problem, Result,
    case_mapping::{self, Declared},
    describe::OperationDoc,
    invalid,
    request_context::{RequestContext, only, request_id_schema},
};

/// Maximum size of a JSON or form body, in bytes.
pub const MAX_JSON_BYTES: usize = 1024 * 1024;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A type that a body can be deserialized into.
pub trait Input: DeserializeOwned + JsonSchema + Validate<Context = ()> + 'static {}
impl<T: DeserializeOwned + JsonSchema + Validate<Context = ()> + 'static> Input for T {}

/// A JSON body of at most [`MAX_JSON_BYTES`], with valid fields. `Option<Body<T>>` may be omitted, and so may the body
/// of a POST in which no field is required.
///
/// Field names match whatever their case and underscores (`display_name`, `displayName`). Null in an optional field
/// counts as omitted, unless the type of the field distinguishes the two. Undeclared fields are ignored, unless the
/// schema of the type has `additionalProperties: false`.
///
/// # Errors
/// 400 `invalid_json`, 413, 415, and 422 with pointers.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A JSON or form body, distinguished by `Content-Type`; otherwise as [`Body`].
#[derive(Debug)]
pub struct FormOrJson<T>(pub T);

impl<S: Send + Sync, T: Input> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        Arrived::whole(request).await?.json().map(Self)
    }
}

impl<S: Send + Sync, T: Input> OptionalFromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>> {
        let body = Arrived::whole(request).await?;
        if is_nothing(&body.bytes) {
            Ok(None)
        } else {
            body.json().map(|value| Some(Self(value)))
        }
    }
}

impl<S: Send + Sync, T: Input> FromRequest<S> for FormOrJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = Arrived::whole(request).await?;
        if media_type(&body.headers)?.as_deref() != Some(FORM) {
            return body.json_or(&[JSON, FORM]).map(Self);
        }
        require_utf8(&body.headers)?;
        let value = decode_pairs(&case_mapping::input::<T>(), &body.bytes)?;
        check(&value)?;
        Ok(Self(value))
    }
}

/// A body that was read completely.
struct Arrived {
    context: Arc<RequestContext>,
    method: Method,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Arrived {
    /// Boxed, so that it is compiled once and not for every type and function.
    fn whole(request: Request) -> BoxFuture<'static, Result<Self>> {
        Box::pin(async {
            let (parts, body) = request.into_parts();
            let context = RequestContext::of(&parts)?;
            let bytes = read(&parts.headers, body, MAX_JSON_BYTES).await?;
            Ok(Self {
                context,
                method: parts.method,
                headers: parts.headers,
                bytes,
            })
        })
    }

    /// Returns the JSON value, or 400 if it is not JSON and 422 if it is not a `T`.
    fn json<T: Input>(self) -> Result<T> {
        self.json_or(&[JSON])
    }

    /// The same, if all of `types` are supported.
    fn json_or<T: Input>(mut self, types: &[&str]) -> Result<T> {
        let shape = case_mapping::input::<T>();
        if is_nothing(&self.bytes) && may_be_empty(&self.method, &shape) {
            self.bytes = Bytes::from_static(b"{}");
        } else {
            self.require_json(&shape, types)?;
        }
        require_valid_utf8(&self.bytes)?;
        let Declared {
            text,
            is_changed,
            is_suspect,
        } = shape.to_declared(&self.bytes);
        // What is neither changed nor refused is parsed once, below.
        if is_changed || is_suspect {
            syntax(&self.bytes)?;
        }
        // Stored for pointers in the client's spelling, in case a later rule rejects a field.
        let bytes = self.context.body.get_or_init(|| self.bytes);
        if is_suspect && let Ok(tree) = serde_json::from_slice(&text) {
            if let Some(pointer) = shape.misplaced_list(&tree) {
                return Err(Error::invalid(pointer, "must be an object").into());
            }
            let unknown = shape.unknown_fields(&tree);
            if !unknown.is_empty() {
                return Err(invalid::unknown(self.context.style, unknown, "fields").into());
            }
        }
        let mut parser = serde_json::Deserializer::from_slice(&text);
        let read = serde_path_to_error::deserialize(&mut parser);
        if read.is_err() || parser.end().is_err() {
            syntax(bytes)?;
        }
        let value: T = read.map_err(|error| {
            let missing = shape.missing_fields(&text);
            let message = error.inner().to_string();
            if missing.len() > 1 && invalid::is_missing(&message) {
                return invalid::missing(&missing);
            }
            invalid::unreadable(error.path(), &message)
        })?;
        check(&value)?;
        Ok(value)
    }

    fn require_json(&self, shape: &case_mapping::Shape, types: &[&str]) -> Result<()> {
        let kind = media_type(&self.headers)?;
        let is_json =
            |kind: &str| kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
        match kind.as_deref() {
            None | Some("application/json") if self.bytes.is_empty() => {
                let names: Vec<String> = shape
                    .missing_fields(b"{}")
                    .iter()
                    .map(|name| format!("`{}`", self.context.style.spelling(name)))
                    .collect();
                let with = if names.is_empty() { "" } else { " with " };
                let detail = format!(
                    "the request body is missing; send a JSON object{with}{}",
                    names.join(", ")
                );
                Err(Error::bad_request("invalid_json", detail).into())
            }
            Some(kind) if is_json(kind) => require_utf8(&self.headers),
            kind => Err(unsupported(kind, types)),
        }
    }
}

/// Returns whether a body is empty. Some clients send null instead.
fn is_nothing(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii(), b"" | b"null")
}

/// Returns whether a missing body counts as an object without fields.
fn may_be_empty(method: &Method, shape: &case_mapping::Shape) -> bool {
    method == Method::POST && shape.is_wholly_optional()
}

/// Reads the whole body, counting its bytes as they arrive.
///
/// # Errors
/// 413 beyond `limit_bytes`; 415 if it is compressed; 400 if the client disconnects.
pub(crate) async fn read(headers: &HeaderMap, body: Bytestream, limit_bytes: usize) -> Result<Bytes> {
    let too_large = || Error::TooLarge {
        limit_bytes: u64::try_from(limit_bytes).unwrap_or(u64::MAX),
    };
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(Error::UnsupportedMedia(
            "compressed bodies are not supported; send the body without `Content-Encoding`".to_owned(),
        )
        .into());
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit_bytes) {
        return Err(too_large().into());
    }
    match Limited::new(body, limit_bytes).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large().into()),
        Err(_) => Err(Error::bad_request("incomplete_body", "the request body is incomplete; send it again").into()),
    }
}

/// Returns the media type without parameters, in lower case; `None` if the header is missing or empty.
pub(crate) fn media_type(headers: &HeaderMap) -> Result<Option<String>> {
    let value = only(headers, header::CONTENT_TYPE.as_str())?;
    let kind = value.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    Ok(kind.filter(|kind| !kind.is_empty()))
}

/// Returns 415 for a body of this media type, naming the supported `types`.
pub(crate) fn unsupported(kind: Option<&str>, types: &[&str]) -> Problem {
    let types = types.join(" or ");
    let detail = match kind {
        Some(kind) => format!("the media type `{}` is not supported; send {types}", clip(kind)),
        None if types.contains(" or ") => format!("the header `Content-Type` is missing; send it with {types}"),
        None => format!("the header `Content-Type` is missing; send `Content-Type: {types}`"),
    };
    Error::UnsupportedMedia(detail).into()
}

/// Rejects other charsets: JSON is UTF-8 (RFC 8259 section 8.1), and forms are decoded as UTF-8.
fn require_utf8(headers: &HeaderMap) -> Result<()> {
    let value = only(headers, header::CONTENT_TYPE.as_str())?.unwrap_or_default();
    let charset = value.split(';').skip(1).find_map(|parameter| {
        let (name, charset) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| charset.trim().trim_matches('"').to_ascii_lowercase())
    });
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => {
            let detail = format!("The charset `{}` is not supported; send UTF-8.", clip(other));
            Err(Error::UnsupportedMedia(detail).into())
        }
    }
}

/// What is valid UTF-8 as a whole need not be checked in the strings that a type ignores.
fn require_valid_utf8(bytes: &[u8]) -> Result<()> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_json(&format!(
            "it is not UTF-8 after byte {}",
            error.valid_up_to()
        ))),
    }
}

/// Returns 400 with the position of the first mistake if `bytes` are not JSON.
fn syntax(bytes: &[u8]) -> Result<()> {
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_json(&error.to_string())),
    }
}

fn invalid_json(detail: &str) -> Problem {
    Error::bad_request("invalid_json", format!("the body is not valid JSON: {}", clip(detail))).into()
}

/// Deserializes `name=value` pairs (a query or a form), names in any spelling.
pub(crate) fn decode_pairs<T: DeserializeOwned>(shape: &case_mapping::Shape, text: &[u8]) -> Result<T> {
    let mut canonical = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(text) {
        canonical.append_pair(shape.canonical(&name).unwrap_or(&name), &value);
    }
    let canonical = canonical.finish();
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(canonical.as_bytes()));
    serde_path_to_error::deserialize(pairs)
        .map_err(|error| invalid::unreadable(error.path(), &error.inner().to_string()))
}

/// Applies the validation rules of the fields.
pub(crate) fn check<T: Validate<Context = ()>>(value: &T) -> Result<()> {
    value.validate().map_err(|report| invalid::refused(&report).into())
}

/// Returns text from outside, shortened for an error message.
pub(crate) fn clip(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl<T: Input> Describe for Body<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let schema = doc.input_schema::<T>();
        let required = !may_be_empty(doc.method, &case_mapping::input::<T>());
        doc.request_body(required, &[("application/json", schema)]);
    }
}

impl<T: Input> Describe for Option<Body<T>> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let schema = doc.input_schema::<T>();
        doc.request_body(false, &[("application/json", schema)]);
    }
}

impl<T: Input> Describe for FormOrJson<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let schema = doc.input_schema::<T>();
        doc.request_body(
            true,
            &[
                ("application/json", schema.clone()),
                ("application/x-www-form-urlencoded", schema),
            ],
        );
        // True of every operation. Declared here because openapi-python-client forgets an import if a body has several
        // types and all parameters are required.
        let text = "The client's own ID for the request, repeated in the response and in the logs.";
        doc.header_parameter("X-Request-Id", text, &request_id_schema());
    }
}

#[cfg(test)]
mod tests;
