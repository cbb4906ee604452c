//! Errors in the formats of all vendors.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::ModelError;
use crate::lenient::{field, is_empty};
use crate::rejection::{self, Rejection, RejectionReason};

/// The longest detail, in characters.
const MAX_DETAIL: usize = 600;
/// Nesting depth of errors that are read: gateways wrap the errors of their providers.
const DEPTH: usize = 6;

/// An error as a provider reports it, in a body or in an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    message: String,
    /// Codes and types of the error, the most specific first.
    words: Vec<String>,
    /// The HTTP status, if the error contains one.
    status: Option<u16>,
    /// When to retry, as Google reports it.
    retry_after: Option<Duration>,
    /// The parameter that the error is about.
    param: Option<String>,
}

/// Codes and types with their HTTP statuses. Vendors use them inside streams that began with 200:
/// <https://docs.anthropic.com/en/api/errors>,
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors>,
/// <https://ai.google.dev/gemini-api/docs/troubleshooting>.
const STATUSES: [(&str, u16); 50] = [
    ("insufficient_quota", 402),
    ("insufficient_balance", 402),
    ("invalid_request_error", 400),
    ("BadRequestError", 400),
    ("BadRequest", 400),
    ("INVALID_ARGUMENT", 400),
    ("ValidationException", 400),
    ("context_length_exceeded", 400),
    ("content_filter", 400),
    ("content_policy_violation", 400),
    ("request_too_large", 413),
    ("model_not_found", 404),
    ("NOT_FOUND", 404),
    ("invalid_api_key", 401),
    ("UNAUTHENTICATED", 401),
    ("AuthenticationError", 401),
    ("PERMISSION_DENIED", 403),
    ("ExpiredTokenException", 401),
    ("UnrecognizedClientException", 401),
    ("InvalidSignatureException", 401),
    ("IncompleteSignature", 401),
    ("MissingAuthenticationToken", 401),
    ("RateLimitError", 429),
    ("rate_limited", 429),
    ("billing_error", 402),
    ("billing_hard_limit_reached", 402),
    ("rate_limit_exceeded", 429),
    ("rate_limit_error", 429),
    ("RESOURCE_EXHAUSTED", 429),
    ("ThrottlingException", 429),
    ("ServiceQuotaExceededException", 429),
    ("ModelNotReadyException", 503),
    ("overloaded_error", 529),
    ("api_error", 500),
    ("server_error", 500),
    ("timeout_error", 504),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DEADLINE_EXCEEDED", 504),
    ("InternalServerException", 500),
    ("ServiceUnavailableException", 503),
    ("ModelStreamErrorException", 500),
    ("ModelErrorException", 500),
    ("ModelTimeoutException", 504),
    ("API_KEY_INVALID", 401),
    ("authentication_error", 401),
    ("permission_error", 403),
    ("AccessDeniedException", 403),
    ("not_found_error", 404),
    ("ResourceNotFoundException", 404),
];

/// Phrases about keys, sent with a status that blames the request.
const KEYS: [&str; 6] = [
    "incorrect api key",
    "invalid api key",
    "api key not valid",
    "api key not found",
    "api key expired",
    "invalid authentication",
];

/// Codes for what the operator has to fix, sent with a status that blames the request: a country that is not served.
const PRECONDITIONS: [&str; 2] = ["FAILED_PRECONDITION", "unsupported_country_region_territory"];

/// Phrases about exhausted credit, sent with a status that blames the request.
const UNPAID: [&str; 6] = [
    "current quota",
    "credit balance",
    "insufficient balance",
    "insufficient credit",
    "billing details",
    "account is in arrears",
];

/// Phrases about overload, with their statuses, sent with a status that blames the request.
const BUSY: [(&str, u16); 9] = [
    ("rate limit", 429),
    ("too many requests", 429),
    ("quota exceeded", 429),
    ("overloaded", 503),
    ("at capacity", 503),
    ("server busy", 503),
    ("server is busy", 503),
    ("temporarily unavailable", 503),
    ("service unavailable", 503),
];

/// Phrases about failures of the provider, sent with a status that blames the request.
const FAILED: [&str; 5] = [
    "internal error",
    "internal server error",
    "internal_error",
    "unexpected error",
    "out of memory",
];

impl ErrorBody {
    /// Reads an error, JSON or not.
    pub(crate) fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        // Some providers send an event of a stream.
        let event = || {
            text.lines()
                .find_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok())
        };
        match serde_json::from_str::<Value>(&text).ok().or_else(event) {
            Some(value) if !is_empty(&value) => Self::of(&value),
            _ => Self::plain(&text),
        }
    }

    /// Creates an error from plain text.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            message: text.trim().chars().take(MAX_DETAIL).collect(),
            ..Self::default()
        }
    }

    /// Reads an error from a value: `{"error": {...}}` as most vendors send it, a text or anything else there, the same
    /// in a list as Gemini sends it, `{"message": "..."}` as AWS does, `{"detail": ...}` as `FastAPI` does, and errors
    /// that gateways wrap.
    pub(crate) fn of(value: &Value) -> Self {
        Self::within(value, DEPTH)
    }

    fn within(value: &Value, depth: usize) -> Self {
        let inner = |value: &Value| Self::within(value, depth - 1);
        let nested = |text: &str| {
            let value = embedded(text).filter(|_| depth > 0)?;
            Some(inner(&value)).filter(|inner| !inner.message.is_empty())
        };
        let fields = match value {
            Value::String(text) => return nested(text).unwrap_or_else(|| Self::plain(text)),
            Value::Array(list) if depth > 0 && list.first().is_some_and(Value::is_object) => return inner(&list[0]),
            Value::Object(_) => value,
            other => return Self::plain(&other.to_string()),
        };
        let own = Self::of_fields(fields);
        let raw = &fields["metadata"]["raw"];
        let names = [
            "message",
            "Message",
            "detail",
            "msg",
            "error_msg",
            "error_message",
            "errorMessage",
            "status_msg",
            "error",
            "reason",
        ];
        let told = match field(fields, &["error", "errors"]) {
            error @ (Value::Object(_) | Value::Array(_)) => error,
            _ => field(fields, &names),
        };
        let wrapped = match told {
            Value::Null if own.words.is_empty() && own.status.is_none() => Self::plain(&fields.to_string()),
            Value::Null => Self::default(),
            _ if depth == 0 => Self::plain(&fields.to_string()),
            told => inner(told),
        };
        // The error of the provider behind a gateway is more specific than that of the gateway.
        let wrapped = match raw.as_str().and_then(nested) {
            Some(raw) if !raw.message.is_empty() => raw,
            _ => wrapped,
        };
        Self {
            message: wrapped.message,
            words: wrapped.words.into_iter().chain(own.words).collect(),
            status: wrapped.status.or(own.status),
            retry_after: wrapped.retry_after.or(own.retry_after),
            param: wrapped.param.or(own.param),
        }
    }

    /// Reads the fields of an object other than its message.
    fn of_fields(value: &Value) -> Self {
        let word = |name: &str| value[name].as_str().map(str::to_owned);
        // <https://cloud.google.com/apis/design/errors#error_details>
        let details = || value["details"].as_array().into_iter().flatten();
        let reason = details()
            .find_map(|detail| detail["reason"].as_str())
            .map(str::to_owned);
        let delay = details().find_map(|detail| detail["retryDelay"].as_str()?.strip_suffix('s')?.parse().ok());
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let status = ["code", "status", "status_code", "statusCode", "error_code"];
        let mut status = status.iter().filter_map(|name| number(&value[*name]));
        // The location in an error of FastAPI's validator: its last element is the name.
        let place = value["loc"]
            .as_array()
            .and_then(|places| places.iter().rev().find_map(Value::as_str));
        Self {
            message: String::new(),
            words: reason
                .into_iter()
                .chain(word("code"))
                .chain(value["innererror"]["code"].as_str().map(str::to_owned))
                .chain(
                    ["type", "status", "error_type", "error_code", "__type"]
                        .into_iter()
                        .filter_map(word),
                )
                .collect(),
            retry_after: delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            status: status
                .find(|status| (400..600).contains(status))
                .and_then(|status| u16::try_from(status).ok()),
            param: value["param"].as_str().or(place).map(str::to_owned),
        }
    }

    /// Adds a code from outside of the body.
    pub(crate) fn called(mut self, word: &str) -> Self {
        self.words.insert(0, word.to_owned());
        self
    }

    /// Returns the error in a stream that began with `status`. Removes `secret` from the provider's text, in case it
    /// repeats our key.
    pub(crate) fn into_error(self, status: u16, secret: &str) -> ModelError {
        self.into_error_after(status, None, secret)
    }

    /// Returns the error for an unsuccessful response.
    pub(super) fn into_refusal(self, status: u16, headers: &HeaderMap, secret: &str) -> ModelError {
        // AWS names the error in a header, sometimes followed by a colon and a URL.
        let word = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let word = word.and_then(|word| word.split(':').next());
        let said = match word {
            Some(word) => self.called(word),
            None => self,
        };
        said.into_error_after(status, retry_after(headers), secret)
    }

    fn into_error_after(self, status: u16, retry_after: Option<Duration>, secret: &str) -> ModelError {
        let named = |word: &String| {
            STATUSES
                .iter()
                .find(|(known, _)| known == word)
                .map(|(_, status)| *status)
        };
        let named = self.words.iter().find_map(named);
        let detail = if secret.is_empty() {
            self.message
        } else {
            without(&self.message, secret)
        };
        let lower = detail.to_lowercase();
        let says = |sentences: &[&str]| sentences.iter().any(|words| lower.contains(words));
        let is_called = |words: &[&str]| self.words.iter().any(|word| words.contains(&word.as_str()));
        // An objection to the request is more specific than a status, and takes precedence over a rate limit.
        let objection = rejection::known(&self.words, &detail);
        let is_too_large = objection == Some(RejectionReason::TooLarge) && matches!(status, 413 | 429);
        let is_objection = objection.is_some_and(|reason| reason != RejectionReason::InvalidParameter);
        let busy = BUSY
            .iter()
            .find(|(words, _)| lower.contains(words))
            .map(|(_, status)| *status);
        // The code is more specific than a status that only means that something is wrong.
        let status = match (self.status, named) {
            (_, Some(named @ (401 | 402))) => named,
            _ if is_too_large => 413,
            _ if matches!(status, 400 | 403) && says(&UNPAID) => 402,
            _ if status == 400 && says(&KEYS) => 401,
            _ if status == 400 && is_called(&PRECONDITIONS) => 403,
            _ if matches!(status, 400 | 422) && !is_objection && busy.is_some() => busy.unwrap_or(status),
            _ if matches!(status, 400 | 422) && !is_objection && says(&FAILED) => 500,
            (Some(said), _) => said,
            (None, Some(named)) if status < 400 || named == 429 => named,
            (None, None) if (200..300).contains(&status) && is_objection => 400,
            // An error instead of an answer is the provider's, unless it says otherwise.
            (None, None) if (200..300).contains(&status) => 500,
            _ => status,
        };
        // Some servers report it as their own failure, which no caller would fix.
        let is_too_long = status >= 500 && objection == Some(RejectionReason::ContextLength);
        let rejected = if is_too_long { 400 } else { status };
        if let Some(rejection) = Rejection::read(rejected, &self.words, &detail, self.param.as_deref()) {
            return ModelError::Rejected(rejection);
        }
        match (status, retry_after.or(self.retry_after)) {
            (402, _) => ModelError::QuotaExhausted { detail },
            (429, retry_after) => ModelError::RateLimited { retry_after },
            (503 | 529, Some(retry_after)) => ModelError::Overloaded { retry_after, detail },
            _ => ModelError::Refused { status, detail },
        }
    }
}

/// Returns the JSON object that a text is or contains: `litellm.BadRequestError: OpenAIException - {...}`.
fn embedded(text: &str) -> Option<Value> {
    let from = text.find('{')?;
    let to = text.rfind('}')?;
    let value: Value = serde_json::from_str(text.get(from..=to)?).ok()?;
    let is_alone = from == 0 && to + 1 == text.len();
    // A text may mention another object: of a tool, or of a message.
    let tells = ["error", "message", "detail", "Message"]
        .iter()
        .any(|name| value.get(*name).is_some());
    (value.is_object() && (is_alone || tells)).then_some(value)
}

/// Returns how long to wait: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or `OpenAI`'s
/// `retry-after-ms`.
///
/// A date is compared with the response's own `Date`, so no clock can be wrong.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|value| value.parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |value: &str| jiff::fmt::rfc2822::parse(value).ok().map(|date| date.timestamp());
    let wait = date(value)?.duration_since(date(text(DATE.as_str())?)?);
    Some(Duration::try_from(wait).unwrap_or_default())
}

/// Returns the text without a secret, regardless of case.
fn without(text: &str, secret: &str) -> String {
    let (lower, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in lower.match_indices(&secret) {
        out.push_str(&text[from..at]);
        out.push_str("***");
        from = at + found.len();
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests;
