//! Requests.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    API_VERSION, Error, Form, RetryPolicy,
    error::{Body, Envelope},
    retry::{retry_after, should_retry},
};

/// Longest response that is read, in bytes. A page of a hundred subscriptions has less than a megabyte.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or changes.
    Post,
    /// Deletes.
    Delete,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its path, as in `/v1/customers`, with a query if it reads.
    pub path: String,
    /// Encoded parameters of its body.
    pub body: String,
    /// Its idempotency key. The caller stores it before the first attempt, so that a repetition after a crash has the
    /// same one.
    pub idempotency_key: Option<String>,
}

impl Request {
    /// Creates a request that reads.
    pub fn get(path: &str, query: &Form) -> Self {
        let query = query.encode();
        Self {
            method: Method::Get,
            path: if query.is_empty() {
                path.to_owned()
            } else {
                format!("{path}?{query}")
            },
            body: String::new(),
            idempotency_key: None,
        }
    }

    /// Creates a request that writes.
    pub fn post(path: &str, body: &Form, idempotency_key: &str) -> Self {
        Self {
            method: Method::Post,
            path: path.to_owned(),
            body: body.encode(),
            idempotency_key: Some(idempotency_key.to_owned()),
        }
    }

    /// Creates a request that deletes, which is repeatable by itself.
    pub fn delete(path: &str) -> Self {
        Self {
            method: Method::Delete,
            path: path.to_owned(),
            body: String::new(),
            idempotency_key: None,
        }
    }
}

/// A client of the API. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    policy: RetryPolicy,
}

/// What one attempt led to.
enum Attempt {
    Answer(Vec<u8>),
    Failed {
        error: Error,
        again: bool,
        asked: Option<Duration>,
    },
}

impl Client {
    /// Creates a client of the API at `base_url`, which has no trailing slash.
    pub fn new(http: reqwest::Client, base_url: &str, policy: RetryPolicy) -> Self {
        Self {
            http,
            base_url: base_url.trim_end_matches('/').to_owned(),
            policy,
        }
    }

    /// Sends a request with the secret key `key`, as often as its failures allow, and returns the object of the
    /// response.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send<T: DeserializeOwned>(&self, key: &str, request: &Request) -> Result<T, Error> {
        let answer = self.attempts(key, request).await?;
        serde_json::from_slice(&answer).map_err(|error| Error::BadAnswer(error.to_string()))
    }

    async fn attempts(&self, key: &str, request: &Request) -> Result<Vec<u8>, Error> {
        let end = Instant::now() + self.policy.total;
        let mut number = 1;
        loop {
            let attempt = timeout_at(end, self.attempt(key, request)).await;
            let (error, again, asked) = match attempt {
                Ok(Attempt::Answer(answer)) => return Ok(answer),
                Ok(Attempt::Failed { error, again, asked }) => (error, again, asked),
                Err(_) => return Err(Error::TimedOut),
            };
            let pause = self.policy.pause(number, asked, random());
            if !again || number >= self.policy.attempts || Instant::now() + pause >= end {
                return Err(error);
            }
            tracing::warn!(%error, attempt = number, "stripe.retried");
            wait(pause).await;
            number += 1;
        }
    }

    async fn attempt(&self, key: &str, request: &Request) -> Attempt {
        let url = format!("{}{}", self.base_url, request.path);
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut call = self
            .http
            .request(method, url)
            .bearer_auth(key)
            .header("stripe-version", API_VERSION);
        if let Some(key) = &request.idempotency_key {
            call = call.header("idempotency-key", key);
        }
        if request.method == Method::Post {
            call = call
                .header("content-type", "application/x-www-form-urlencoded")
                .body(request.body.clone());
        }
        let answered = timeout(self.policy.attempt, async {
            let response = call.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, read(response).await?))
        });
        match answered.await {
            Err(_) => Attempt::Failed {
                error: Error::TimedOut,
                again: true,
                asked: None,
            },
            Ok(Err(error)) => Attempt::Failed {
                error: Error::Unavailable {
                    status: None,
                    replayed: false,
                    // Without the URL, which is an implementation detail.
                    reason: error.without_url().to_string(),
                },
                again: true,
                asked: None,
            },
            Ok(Ok((status, _, Some(body)))) if status.is_success() => Attempt::Answer(body),
            Ok(Ok((status, headers, body))) => failed(status, &headers, body.as_deref()),
        }
    }
}

/// Reads a body; `None` if it is too long.
async fn read(mut response: reqwest::Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body))
}

fn failed(status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> Attempt {
    let replayed = headers.get("idempotent-replayed").is_some_and(|value| value == "true");
    let told = body.and_then(|body| serde_json::from_slice::<Envelope>(body).ok());
    let Body {
        kind,
        code,
        param,
        message,
    } = told.map(|told| told.error).unwrap_or_default();
    let error = if status.is_client_error() {
        Error::Refused {
            status: status.as_u16(),
            kind,
            code,
            param,
            message,
        }
    } else if body.is_none() {
        Error::BadAnswer(format!("the response is longer than {MAX_ANSWER} bytes"))
    } else {
        Error::Unavailable {
            status: Some(status.as_u16()),
            replayed,
            reason: format!("{} {message}", status.as_u16()),
        }
    };
    Attempt::Failed {
        // A stored failure is returned as often as it is asked for.
        again: !replayed && body.is_some() && should_retry(status, headers),
        error,
        asked: retry_after(headers),
    }
}

fn random() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the pause is the shortest one.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when Stripe is available again; short, random and bounded in all"
)]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests;
