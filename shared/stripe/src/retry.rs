//! Which failures are attempted again, and when: the rules of Stripe's own libraries
//! (<https://docs.stripe.com/error-low-level>).

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};

/// Limits on the attempts of a request.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub attempts: u32,
    /// Time for one attempt.
    pub attempt: Duration,
    /// Time for all attempts and the pauses between them.
    pub total: Duration,
    /// Ceiling of the first pause; it doubles with each attempt.
    pub first_pause: Duration,
    /// Longest pause that a `Retry-After` of Stripe may ask for.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            // Stripe needs a second or two for a checkout session, and more for a change that is charged at once.
            attempt: Duration::from_secs(12),
            // Less than the gateway's 29 seconds.
            total: Duration::from_secs(22),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// Returns the pause after the attempt with this number (from 1). `random`: source of the jitter.
    pub(crate) fn pause(&self, attempt: u32, asked: Option<Duration>, random: u16) -> Duration {
        let doublings = attempt.saturating_sub(1).min(8);
        let most = (self.first_pause * (1 << doublings)).min(self.longest_pause);
        // At least half of it, so that callers that collided do not return at once.
        let own = most / 2 + most / 2 * u32::from(random) / u32::from(u16::MAX);
        own.max(asked.unwrap_or_default().min(self.longest_pause))
    }
}

/// Returns whether a response is worth another attempt. Stripe's own header decides if it is there.
pub(crate) fn should_retry(status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get("stripe-should-retry").map(HeaderValue::as_bytes) {
        Some(b"true") => true,
        Some(b"false") => false,
        // A conflict is another request with the same key that is still running.
        _ => status == StatusCode::CONFLICT || status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error(),
    }
}

/// Returns the pause that a response asks for.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_header_decides_and_the_status_without_it() {
        let of = |status: u16, header: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("stripe-should-retry", HeaderValue::from_static(header));
            }
            StatusCode::from_u16(status).is_ok_and(|status| should_retry(status, &headers))
        };
        for (status, header, expected) in [
            (200, Some("true"), true),
            (400, None, false),
            (400, Some("true"), true),
            (402, None, false),
            (409, None, true),
            (409, Some("false"), false),
            (429, None, true),
            (429, Some("false"), false),
            (500, None, true),
            (500, Some("false"), false),
            (503, Some("maybe"), true),
        ] {
            assert_eq!(of(status, header), expected, "{status} {header:?}");
        }
    }

    #[test]
    fn pauses_double_and_respect_what_stripe_asks_for() {
        let policy = RetryPolicy::default();
        let longest = |attempt| policy.pause(attempt, None, u16::MAX).as_millis();
        assert_eq!([1, 2, 3, 9].map(longest), [250, 500, 1000, 5000]);
        assert_eq!(policy.pause(1, None, 0).as_millis(), 125);
        assert_eq!(policy.pause(1, Some(Duration::from_secs(2)), 0).as_secs(), 2);
        assert_eq!(policy.pause(1, Some(Duration::from_mins(10)), 0).as_secs(), 5);
    }
}
