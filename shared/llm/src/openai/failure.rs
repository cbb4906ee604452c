//! Refusals in `OpenAI`'s error shape (<https://platform.openai.com/docs/guides/error-codes>) and its relatives'.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::ModelError;

/// The longest detail kept, in characters.
const MAX_DETAIL: usize = 300;

/// The value of `error` in a body or a frame.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum ErrorBody {
    /// `OpenAI` and most others. The code is a word, or at some gateways the HTTP status.
    Object {
        message: String,
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        code: Option<serde_json::Value>,
    },
    /// Ollama.
    Text(String),
    /// Whatever else stands there.
    Other(serde_json::Value),
}

impl ErrorBody {
    /// Reads the body of a refusal, JSON or not.
    pub(super) fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            error: ErrorBody,
        }
        match serde_json::from_slice::<Envelope>(body) {
            Ok(envelope) => envelope.error,
            Err(_) => Self::Text(String::from_utf8_lossy(body).trim().to_owned()),
        }
    }

    fn message(&self) -> String {
        let message = match self {
            Self::Object { message, .. } | Self::Text(message) => message.clone(),
            Self::Other(value) => value.to_string(),
        };
        message.chars().take(MAX_DETAIL).collect()
    }

    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Object { kind, code, .. }
            if kind.as_deref() == Some(word) || code.as_ref().and_then(serde_json::Value::as_str) == Some(word))
    }

    /// The HTTP status a gateway names inside a stream that began with 200.
    fn status(&self) -> Option<u16> {
        let Self::Object { code: Some(code), .. } = self else {
            return None;
        };
        let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
        u16::try_from(number).ok().filter(|status| (400..600).contains(status))
    }

    /// The error this is. `secret` is removed from what the provider says, should it repeat our key.
    pub(super) fn into_error(self, status: u16, retry_after: Option<Duration>, secret: &str) -> ModelError {
        let status = self.status().unwrap_or(status);
        let mut detail = self.message();
        if !secret.is_empty() {
            detail = detail.replace(secret, "***");
        }
        if self.is("insufficient_quota") || status == 402 {
            ModelError::QuotaExhausted { detail }
        } else if status == 429 || self.is("rate_limit_exceeded") {
            ModelError::RateLimited { retry_after }
        } else {
            ModelError::Refused { status, detail }
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
        let error = ErrorBody::read(body).into_error(401, None, "sk-secret");
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
        let read = |body: &str| ErrorBody::read(body.as_bytes()).into_error(500, None, "");
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
    }
}
