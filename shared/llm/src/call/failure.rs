//! Refusals in the shapes of all vendors.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::ModelError;

/// The longest detail kept, in characters.
const MAX_DETAIL: usize = 300;

/// What a provider says of a failure, in a body or in an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    message: String,
    /// The words that name the failure, from the most particular on.
    words: Vec<String>,
    /// The HTTP status, when it is said here.
    status: Option<u16>,
    /// When to come back, where Google says so.
    retry_after: Option<Duration>,
}

/// Words that name a failure, and the HTTP status that goes with them. Vendors use them inside streams that began with
/// 200: <https://docs.anthropic.com/en/api/errors>,
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors>,
/// <https://ai.google.dev/gemini-api/docs/troubleshooting>.
const STATUSES: [(&str, u16); 27] = [
    ("insufficient_quota", 402),
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

impl ErrorBody {
    /// Reads what was said, JSON or not: `{"error": {...}}` as most say it, a text or anything else there, the same in
    /// a list as Gemini says it, or `{"message": "..."}` as AWS does.
    pub(crate) fn read(body: &[u8]) -> Self {
        let text = |text: &str| Self {
            message: text.chars().take(MAX_DETAIL).collect(),
            ..Self::default()
        };
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(mut list)) if list.first().is_some_and(|first| first.get("error").is_some()) => {
                Self::of(&list.swap_remove(0)["error"])
            }
            Ok(value) if value.get("error").is_some() => Self::of(&value["error"]),
            Ok(value) if value.get("message").is_some() || value.get("Message").is_some() => Self::of(&value),
            _ => text(String::from_utf8_lossy(body).trim()),
        }
    }

    /// What stands behind `error`.
    pub(crate) fn of(value: &Value) -> Self {
        let message = [&value["message"], &value["Message"], value]
            .into_iter()
            .find_map(Value::as_str);
        let message = message.map_or_else(|| value.to_string(), str::to_owned);
        let word = |name: &str| value[name].as_str().map(str::to_owned);
        let code = &value["code"];
        // <https://cloud.google.com/apis/design/errors#error_details>
        let details = || value["details"].as_array().into_iter().flatten();
        let reason = details()
            .find_map(|detail| detail["reason"].as_str())
            .map(str::to_owned);
        let delay = details().find_map(|detail| detail["retryDelay"].as_str()?.strip_suffix('s')?.parse().ok());
        let number = code.as_u64().or_else(|| code.as_str()?.parse().ok());
        Self {
            message: message.chars().take(MAX_DETAIL).collect(),
            words: reason
                .into_iter()
                .chain(["code", "type", "status"].into_iter().filter_map(word))
                .collect(),
            retry_after: delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            status: number
                .and_then(|number| u16::try_from(number).ok())
                .filter(|status| (400..600).contains(status)),
        }
    }

    /// The same, with a word that stood outside of the body.
    pub(crate) fn called(mut self, word: &str) -> Self {
        self.words.insert(0, word.to_owned());
        self
    }

    /// The error this is, in a stream that began with `status`. `secret` is removed from what the provider says, should
    /// it repeat our key.
    pub(crate) fn into_error(self, status: u16, secret: &str) -> ModelError {
        self.into_error_after(status, None, secret)
    }

    /// The refusal this is.
    pub(super) fn into_refusal(self, status: u16, headers: &HeaderMap, secret: &str) -> ModelError {
        // AWS names the failure in a header, sometimes with an address behind a colon.
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
            self.message.replace(secret, "***")
        };
        // What the word says is more particular than a status that only says that something is wrong.
        let status = match (self.status, named) {
            (_, Some(named @ (401 | 402))) => named,
            (Some(status), _) => status,
            (None, Some(named)) if status < 400 || named == 429 => named,
            (None, _) => status,
        };
        match (status, retry_after.or(self.retry_after)) {
            (402, _) => ModelError::QuotaExhausted { detail },
            (429, retry_after) => ModelError::RateLimited { retry_after },
            (503 | 529, Some(retry_after)) => ModelError::Overloaded { retry_after, detail },
            _ => ModelError::Refused { status, detail },
        }
    }
}

/// How long to wait: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or `OpenAI`'s `retry-after-ms`.
///
/// A date is measured against the response's own `Date`, so no clock is asked and none can be wrong.
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

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_delay_is_read_in_seconds_in_milliseconds_and_as_a_date() {
        assert_eq!(
            retry_after(&headers(&[("retry-after", "20")])),
            Some(Duration::from_secs(20))
        );
        assert_eq!(
            retry_after(&headers(&[("retry-after", "0.5")])),
            Some(Duration::from_millis(500))
        );
        assert_eq!(
            retry_after(&headers(&[("retry-after-ms", "1250"), ("retry-after", "2")])),
            Some(Duration::from_millis(1250))
        );
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let later = ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
        let earlier = ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT");
        assert_eq!(retry_after(&headers(&[date, later])), Some(Duration::from_mins(1)));
        assert_eq!(retry_after(&headers(&[date, earlier])), Some(Duration::ZERO));
    }

    #[test]
    fn a_delay_that_cannot_be_read_is_none() {
        for value in ["soon", "-3", "NaN", "1e99", "Sun, 06 Nov 1994 08:50:37 GMT"] {
            assert_eq!(retry_after(&headers(&[("retry-after", value)])), None, "{value}");
        }
    }

    #[test]
    fn a_key_repeated_by_the_provider_is_not_kept() {
        let body = br#"{"error":{"message":"Incorrect API key provided: sk-secret.","type":"invalid_request_error","code":"invalid_api_key"}}"#;
        let error = ErrorBody::read(body).into_error(401, "sk-secret");
        assert_eq!(
            error,
            ModelError::Refused {
                status: 401,
                detail: "Incorrect API key provided: ***.".to_owned()
            }
        );
    }

    #[test]
    fn every_shape_of_refusal_is_read() {
        let refused = |status, detail: &str| ModelError::Refused {
            status,
            detail: detail.to_owned(),
        };
        let read = |body: &str| ErrorBody::read(body.as_bytes()).into_error(500, "");
        assert_eq!(
            read(r#"{"error":"model 'x' not found"}"#),
            refused(500, "model 'x' not found")
        );
        assert_eq!(read("<h1>Bad Gateway</h1>"), refused(500, "<h1>Bad Gateway</h1>"));
        assert_eq!(
            read(r#"{"error":{"code":502,"message":"Provider down"}}"#),
            refused(502, "Provider down")
        );
        assert_eq!(read(r#"{"error":[1]}"#), refused(500, "[1]"));
        assert_eq!(read(""), refused(500, ""));
        // As ai.google.dev documents it, once alone and once in the list that a stream is without `alt=sse`.
        let gemini = r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#;
        assert_eq!(
            read(gemini),
            refused(503, "The model is overloaded. Please try again later.")
        );
        assert_eq!(read(&format!("[{gemini}]")), read(gemini));
        // A wrong key, as its server answers.
        let wrong = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#;
        assert_eq!(read(wrong), refused(401, "API key not valid."));
        let limited = r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17s"}]}}"#;
        let retry_after = Some(Duration::from_secs(17));
        assert_eq!(read(limited), ModelError::RateLimited { retry_after });
        // As docs.anthropic.com documents it.
        let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let inside = |body: &str| ErrorBody::read(body.as_bytes()).into_error(200, "");
        assert_eq!(inside(anthropic), refused(529, "Overloaded"));
        assert_eq!(
            read(r#"{"message":"Try another region"}"#),
            refused(500, "Try another region")
        );
    }

    #[test]
    fn aws_names_a_failure_in_a_header() {
        let read = |status, word| {
            let said = ErrorBody::read(br#"{"message":"Too many tokens"}"#);
            said.into_refusal(status, &headers(&[("x-amzn-errortype", word)]), "")
        };
        assert_eq!(
            read(400, "ServiceQuotaExceededException:http://internal.amazon.com/"),
            ModelError::RateLimited { retry_after: None }
        );
        let detail = "Too many tokens".to_owned();
        assert_eq!(
            read(400, "ValidationException"),
            ModelError::Refused { status: 400, detail }
        );
    }

    #[test]
    fn a_provider_that_is_too_busy_says_when_to_come_back() {
        let read = |status| ErrorBody::read(b"busy").into_refusal(status, &headers(&[("retry-after", "7")]), "");
        let (retry_after, detail) = (Duration::from_secs(7), "busy".to_owned());
        assert_eq!(read(529), ModelError::Overloaded { retry_after, detail });
        assert_eq!(
            read(429),
            ModelError::RateLimited {
                retry_after: Some(retry_after)
            }
        );
    }
}
