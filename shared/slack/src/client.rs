//! Calls of the Web API.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::Error;

/// Longest response that is read, in bytes. A page of a thread's replies has less than a megabyte.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Attempts of a call in all.
const ATTEMPTS: u32 = 3;
/// Pause after a failure without one that Slack asks for.
const PAUSE: Duration = Duration::from_millis(300);

/// How long calls take.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// Time for one attempt.
    pub attempt: Duration,
    /// Longest pause that is waited for within a call; a longer one is [`Error::RateLimited`].
    pub pause: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(15),
            pause: Duration::from_secs(30),
        }
    }
}

/// A client of the Web API. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    limits: TimeLimits,
}

/// What one attempt led to.
enum Attempt {
    Done(Value),
    Failed(Error),
}

impl Client {
    /// Creates a client of the API at `base_url`, which has no trailing slash.
    pub fn new(http: reqwest::Client, base_url: &str, limits: TimeLimits) -> Self {
        Self {
            http,
            base_url: base_url.trim_end_matches('/').to_owned(),
            limits,
        }
    }

    /// Returns the base URL.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the same client with other limits.
    #[must_use]
    pub fn with_limits(&self, limits: TimeLimits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// Calls a method with a token. What Slack did not process for certain is attempted again; a failure that leaves
    /// this open ([`Error::is_in_doubt`]) is repeated only for methods of which a second call changes nothing
    /// (`is_repeatable`).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn call<T: DeserializeOwned>(
        &self,
        token: &str,
        method: &'static str,
        arguments: &Value,
        is_repeatable: bool,
    ) -> Result<T, Error> {
        let request = || {
            let request = self.http.post(format!("{}/api/{method}", self.base_url));
            request
                .bearer_auth(token)
                .header("content-type", "application/json; charset=utf-8")
                .body(arguments.to_string())
        };
        self.attempts(method, is_repeatable, request).await
    }

    /// Calls a method whose arguments are a form, as those that read are.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn call_form<T: DeserializeOwned>(
        &self,
        token: Option<&str>,
        method: &'static str,
        arguments: &[(&str, &str)],
        is_repeatable: bool,
    ) -> Result<T, Error> {
        let form: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(arguments)
            .finish();
        let request = || {
            let mut request = self.http.post(format!("{}/api/{method}", self.base_url));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.clone())
        };
        self.attempts(method, is_repeatable, request).await
    }

    async fn attempts<T: DeserializeOwned>(
        &self,
        method: &'static str,
        is_repeatable: bool,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<T, Error> {
        let mut number = 1;
        let end = Instant::now() + self.limits.pause;
        loop {
            let error = match self.attempt(method, request()).await {
                Attempt::Done(answer) => {
                    return serde_json::from_value(answer).map_err(|error| Error::Unavailable {
                        method,
                        in_doubt: true,
                        reason: format!("the response cannot be parsed: {error}"),
                    });
                }
                Attempt::Failed(error) => error,
            };
            let pause = match &error {
                Error::Refused { .. } => return Err(error),
                Error::RateLimited { retry_after, .. } => *retry_after,
                Error::Unavailable { in_doubt, .. } if *in_doubt && !is_repeatable => return Err(error),
                Error::Unavailable { .. } => PAUSE * number,
            };
            if number >= ATTEMPTS || Instant::now() + pause > end {
                return Err(error);
            }
            tracing::warn!(%error, attempt = number, "slack.retried");
            wait(pause).await;
            number += 1;
        }
    }

    async fn attempt(&self, method: &'static str, request: reqwest::RequestBuilder) -> Attempt {
        let failed = |in_doubt, reason: String| {
            Attempt::Failed(Error::Unavailable {
                method,
                in_doubt,
                reason,
            })
        };
        let answered = timeout(self.limits.attempt, async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, read(response, MAX_ANSWER).await?))
        });
        match answered.await {
            Err(_) => failed(true, "no response in time".to_owned()),
            Ok(Err(error)) => failed(!error.is_connect(), error.without_url().to_string()),
            Ok(Ok((StatusCode::TOO_MANY_REQUESTS, headers, _))) => Attempt::Failed(Error::RateLimited {
                method,
                retry_after: retry_after(&headers),
            }),
            Ok(Ok((status, headers, body))) => {
                let answer = body.and_then(|body| serde_json::from_slice::<Value>(&body).ok());
                let Some(answer) = answer.filter(Value::is_object) else {
                    return failed(true, format!("status {}, and no object of JSON", status.as_u16()));
                };
                if answer["ok"] == true {
                    return Attempt::Done(answer);
                }
                match answer["error"].as_str() {
                    Some("ratelimited" | "rate_limited") => Attempt::Failed(Error::RateLimited {
                        method,
                        retry_after: retry_after(&headers),
                    }),
                    // Documented as failures of Slack, after which a part of the call may have taken effect.
                    Some(code @ ("internal_error" | "fatal_error" | "service_unavailable" | "request_timeout")) => {
                        failed(code != "service_unavailable", code.to_owned())
                    }
                    Some(code) => Attempt::Failed(Error::Refused {
                        method,
                        code: code.chars().take(80).collect(),
                    }),
                    None => failed(true, format!("status {}, and no reason", status.as_u16())),
                }
            }
        }
    }

    /// Downloads a file that was shared, of at most `most` bytes. The token is sent to Slack's own hosts only: a URL of
    /// another host returns `None`, as does a file that is longer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn download(&self, token: &str, url: &str, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let method = "files.download";
        let failed = |reason: String| Error::Unavailable {
            method,
            in_doubt: false,
            reason,
        };
        if !self.is_slack(url, "files.slack.com") {
            return Ok(None);
        }
        let sent = self.http.get(url).bearer_auth(token).send();
        let response = timeout(self.limits.attempt, sent).await;
        let response = response.map_err(|_| failed("no response in time".to_owned()))?;
        let response = response.map_err(|error| failed(error.without_url().to_string()))?;
        let is_page = response.headers().get("content-type").is_some_and(|kind| {
            // Slack answers a token without access to the file with its page for signing in.
            kind.as_bytes().starts_with(b"text/html")
        });
        if !response.status().is_success() || is_page && !url.contains(".htm") {
            return Err(Error::Refused {
                method,
                code: format!("status_{}", response.status().as_u16()),
            });
        }
        let body = timeout(self.limits.attempt * 4, read(response, most)).await;
        let body = body.map_err(|_| failed("the file did not arrive in time".to_owned()))?;
        body.map_err(|error| failed(error.without_url().to_string()))
    }

    /// Answers by the `response_url` of a command or an action. URLs of other hosts than Slack's are not called.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn respond(&self, response_url: &str, message: &Value) -> Result<(), Error> {
        let method = "response_url";
        if !self.is_slack(response_url, "hooks.slack.com") {
            return Err(Error::Refused {
                method,
                code: "foreign_host".to_owned(),
            });
        }
        let sent = self
            .http
            .post(response_url)
            .header("content-type", "application/json")
            .body(message.to_string())
            .send();
        let failed = |reason: String| Error::Unavailable {
            method,
            in_doubt: true,
            reason,
        };
        let response = timeout(self.limits.attempt, sent).await;
        let response = response.map_err(|_| failed("no response in time".to_owned()))?;
        let response = response.map_err(|error| failed(error.without_url().to_string()))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status if status.is_client_error() => Err(Error::Refused {
                method,
                code: format!("status_{}", status.as_u16()),
            }),
            status => Err(failed(format!("status {}", status.as_u16()))),
        }
    }

    /// Returns whether a URL leads to this host of Slack, or to the configured stand-in for Slack.
    fn is_slack(&self, url: &str, host: &str) -> bool {
        let Ok(url) = reqwest::Url::parse(url) else {
            return false;
        };
        let is_own = reqwest::Url::parse(&self.base_url).is_ok_and(|own| own.origin() == url.origin());
        let is_theirs =
            url.scheme() == "https" && url.host_str() == Some(host) && url.port_or_known_default() == Some(443);
        is_own || is_theirs
    }
}

/// Reads a body; `None` if it is too long.
async fn read(mut response: reqwest::Response, most: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body))
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}

#[expect(
    clippy::disallowed_methods,
    reason = "Slack names the pause, and nothing tells when it ends; bounded by the limits"
)]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}
