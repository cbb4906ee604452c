//! Sends a request to an address that a user named, and reads the beginning of the response.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    FetchError, Fetcher, Target,
    fetcher::{classify, retry_after},
};

/// How this product names itself to receivers.
const SENDER: &str = concat!("Parlance-Webhooks/", env!("CARGO_PKG_VERSION"));

/// A request with a JSON body.
#[derive(Debug, Clone)]
pub struct Post {
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// Until the response is complete, or as much of it as is read.
    pub total: Duration,
    /// Bytes of the response's body that are read at most.
    pub response_bytes: usize,
}

/// The response to a [`Post`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its status, also that of a redirect: none is followed.
    pub status: u16,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
    /// The beginning of its body, as far as it arrived in time.
    pub body: Vec<u8>,
}

impl Fetcher {
    /// Parses an address for [`Fetcher::post`]: `https`, except for private hosts of this fetcher.
    ///
    /// # Errors
    /// Those of [`Target::parse`].
    pub fn receiver(&self, url: &str) -> Result<Target, FetchError> {
        let target = self.target(url)?;
        if target.is_private || target.url.scheme() == "https" {
            Ok(target)
        } else {
            Err(FetchError::SchemeNotAllowed)
        }
    }

    /// Sends a request. Dropping the future ends the connection.
    ///
    /// # Errors
    /// Returns why there is no response.
    pub async fn post(&self, url: &str, post: Post) -> Result<Posted, FetchError> {
        let target = self.receiver(url)?;
        let client = if target.is_private { &self.private } else { &self.public };
        let request = client.post(target.url).headers(headers(&post.headers)?).body(post.body);
        let end = Instant::now() + post.total;
        let mut response = match timeout_at(end, request.send()).await {
            Ok(response) => response.map_err(|error| classify(&error))?,
            Err(_) => return Err(FetchError::TooSlow),
        };
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        // The status is what counts: a body that does not end, or is cut off, changes nothing.
        while body.len() < post.response_bytes && status != StatusCode::NO_CONTENT {
            let Ok(Ok(Some(chunk))) = timeout_at(end, response.chunk()).await else {
                break;
            };
            let room = post.response_bytes - body.len();
            body.extend(chunk.iter().take(room));
        }
        Ok(Posted {
            status: status.as_u16(),
            retry_after,
            body,
        })
    }
}

fn headers(own: &[(&'static str, String)]) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("*/*")),
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (USER_AGENT, HeaderValue::from_static(SENDER)),
    ]);
    for (name, value) in own {
        let value = HeaderValue::from_str(value).map_err(|_| FetchError::Internal)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}
