//! One call to a provider: requested, framed, decoded, timed and counted the same way for all vendors.
//!
//! Vendors differ in the form of a request ([`Vendor::request`]) and in the meaning of an event ([`Vendor::read`]).

mod answer;
mod body;
mod drain;
mod failure;
mod finish;
mod frames;
mod inflate;
mod timer;

use async_stream::try_stream;
use domain::Secret;
use futures::{StreamExt as _, future::BoxFuture};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use reqwest::{RequestBuilder, Response, Url};
use serde_json::Value;

use crate::chat::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelInfo};
use crate::lenient::{self, Item};
use crate::sse::Event;
use crate::{ModelError, TimeLimit, TimeLimits, prompt, turns};
pub(crate) use answer::{Answer, Progress};
pub(crate) use body::Body;
use body::WHOLE;
pub(crate) use failure::ErrorBody;
pub(crate) use frames::Frames;
use timer::Timer;

/// How much of the body of an error response is read, in bytes.
const MAX_REFUSAL: usize = 16 << 10;

/// A base URL that is not an absolute HTTP URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's base URL must be an absolute http or https URL")]
pub struct InvalidBaseUrl;

/// A model at its provider, and the HTTP client that reaches it.
#[derive(Debug, Clone)]
pub(crate) struct ProviderClient {
    pub(crate) info: ModelInfo,
    pub(crate) endpoint: Url,
    pub(crate) api_key: Secret,
    pub(crate) http: reqwest::Client,
    pub(crate) limits: TimeLimits,
}

impl ProviderClient {
    /// The path's segments are appended to the base URL, whose query stays.
    pub(crate) fn new(
        info: ModelInfo,
        base_url: &str,
        path: &[&str],
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let mut endpoint = Url::parse(base_url).map_err(|_| InvalidBaseUrl)?;
        if !matches!(endpoint.scheme(), "http" | "https") {
            return Err(InvalidBaseUrl);
        }
        endpoint
            .path_segments_mut()
            .map_err(|()| InvalidBaseUrl)?
            .pop_if_empty()
            .extend(path);
        Ok(Self {
            info,
            endpoint,
            api_key,
            http,
            limits: TimeLimits::default(),
        })
    }

    /// Returns the key; empty if there is none.
    pub(crate) fn key(&self) -> &str {
        self.api_key.expose().trim()
    }

    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ModelError> {
        // A compressed stream arrives in bursts.
        let request = request.header(ACCEPT_ENCODING, "identity");
        request.send().await.map_err(|error| self.unsent(error))
    }

    fn unsent(&self, error: reqwest::Error) -> ModelError {
        if error.is_builder() {
            // The only part of the request that may be invalid in HTTP is the key.
            ModelError::NotConfigured {
                provider: self.info.provider,
            }
        } else if error.is_timeout() {
            ModelError::TimedOut {
                what: TimeLimit::Connect,
            }
        } else {
            ModelError::Unreachable {
                detail: causes(&error.without_url()),
            }
        }
    }

    /// Returns the error for a response without an answer.
    pub(crate) async fn refusal(&self, mut response: Response) -> ModelError {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while body.len() < MAX_REFUSAL
            && let Ok(Some(bytes)) = response.chunk().await
        {
            body.extend_from_slice(&bytes);
        }
        body.truncate(MAX_REFUSAL);
        let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let body = inflate::Inflate::new(encoding).push(&body).unwrap_or_default();
        ErrorBody::read(&body).into_refusal(status, &headers, self.key())
    }
}

/// The parts of a call that depend on the vendor.
pub(crate) trait Vendor: Clone + Send + Sync + 'static {
    /// Returns the model and how it is reached.
    fn client(&self) -> &ProviderClient;

    /// Returns the request. `system` is the result of [`prompt::system`].
    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>>;

    /// Returns the framing of a stream.
    fn frames(&self) -> Frames;

    /// Reads the object of an event with this name into the answer. Errors in any vendor's format are handled before;
    /// otherwise it may contain anything. Also reads a whole answer in one piece.
    fn read(&self, name: &str, value: &Value, answer: &mut Answer) -> Result<Progress, ModelError>;
}

impl<V: Vendor> ChatModel for V {
    fn info(&self) -> ModelInfo {
        self.client().info.clone()
    }

    fn chat(&self, request: ChatRequest) -> ChatStream {
        chat(self.clone(), request)
    }
}

/// Calls a vendor. Nothing is retried: the caller knows whether that is appropriate.
fn chat<V: Vendor>(vendor: V, mut request: ChatRequest) -> ChatStream {
    request.messages = turns::alternating(request.messages);
    try_stream! {
        let client = vendor.client();
        let system = prompt::system(&request);
        let mut timer = Timer::start(client.limits);
        let mut response = timer.limit(async {
            let call = vendor.request(&request, system.as_deref()).await?;
            client.send(call).await
        }).await??;
        timer.alive();
        if !response.status().is_success() {
            Err(timer.limit(client.refusal(response)).await?)?;
            return;
        }
        yield ChatEvent::Accepted;
        let mut answer = Answer::new(&request, system.as_deref());
        let encoding = response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let mut body = Body::new(encoding, vendor.frames());
        let (mut has_events, mut is_over, mut is_whole) = (false, false, false);
        loop {
            while !is_whole && let Some(event) = if is_over { body.finish() } else { body.next_event() } {
                has_events = true;
                for progress in read(&vendor, &event, &mut answer, is_over) {
                    while let Some(piece) = answer.next_piece() {
                        yield piece;
                    }
                    let progress = match progress {
                        Ok(progress) => progress,
                        Err(error) => Err(if answer.has_begun() { error.interrupted() } else { error })?,
                    };
                    match progress {
                        Progress::Nothing => {}
                        Progress::Thought | Progress::Text => timer.progress(),
                        Progress::End => is_whole = true,
                    }
                }
                while let Some(piece) = answer.next_piece() {
                    yield piece;
                }
            }
            is_whole |= is_over && answer.is_finished();
            if is_whole || is_over {
                answer.finish_pieces();
                while let Some(piece) = answer.next_piece() {
                    yield piece;
                }
            }
            if is_whole {
                if !is_over {
                    drain::read(&mut response).await;
                }
                yield answer.done()?;
                return;
            }
            if is_over {
                if !has_events {
                    answer.unread(body.head());
                }
                Err(if answer.has_begun() { ModelError::Cut } else { answer.nothing() })?;
                return;
            }
            let chunk = match timer.limit(response.chunk()).await {
                Ok(Ok(chunk)) => Ok(chunk),
                Ok(Err(error)) if !answer.has_begun() => Err(ModelError::Unreachable { detail: causes(&error.without_url()) }),
                Ok(Err(_)) => Err(ModelError::Cut),
                Err(late) => Err(late),
            };
            match chunk {
                Ok(Some(bytes)) => {
                    timer.alive();
                    match body.push(&bytes) {
                        Ok(()) => {}
                        Err(_) if answer.is_finished() => is_whole = true,
                        Err(detail) => Err(ModelError::Malformed { detail })?,
                    }
                }
                // The remaining bytes may still contain the end.
                Ok(None) => is_over = true,
                // The text is complete: at most the token counts are lost.
                Err(_) if answer.is_finished() => is_whole = true,
                Err(error) => Err(error)?,
            }
        }
    }
    .boxed()
}

/// Reads an event. `is_last`: it was at the end of the response, possibly the only one.
pub(crate) fn read<V: Vendor>(
    vendor: &V,
    event: &Event,
    answer: &mut Answer,
    is_last: bool,
) -> Vec<Result<Progress, ModelError>> {
    let is_whole = event.name == WHOLE;
    let key = vendor.client().key();
    if let Some(name) = failure_name(&event.name) {
        let said = ErrorBody::read(event.data.as_bytes()).called(&name);
        return vec![Err(said.into_error(200, key))];
    }
    let items = match lenient::items(&event.data) {
        Ok(items) => items,
        // It is not part of the answer.
        Err(_) if answer.is_finished() => return vec![Ok(if is_last { Progress::End } else { Progress::Nothing })],
        // The connection broke within it.
        Err(_) if is_last && !is_whole => return vec![Err(ModelError::Cut)],
        Err(error) => {
            let detail = format!("an event violates the protocol: {error}");
            return vec![Err(ModelError::Malformed { detail })];
        }
    };
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        read.push(match item {
            Item::End => Ok(Progress::End),
            Item::Text(text) if is_whole || lenient::is_failure(&text) => {
                Err(ErrorBody::plain(&text).into_error(200, key))
            }
            Item::Text(text) => {
                answer.unread(text);
                Ok(Progress::Nothing)
            }
            Item::Value(value) => {
                if let Some(failure) = lenient::failure(&value) {
                    // It reports the tokens it has used.
                    answer.count(&value["usage"]);
                    Err(ErrorBody::of(failure).into_error(200, key))
                } else {
                    if let Some(remark) = lenient::remark(&value) {
                        answer.unread(remark.to_owned());
                    }
                    vendor.read(&event.name, &value, answer)
                }
            }
        });
        if !matches!(
            read.last(),
            Some(Ok(Progress::Nothing | Progress::Thought | Progress::Text))
        ) {
            return read;
        }
    }
    // A single piece of JSON that was read to its end is complete, even without a finish reason.
    if is_whole || (is_last && answer.is_finished()) {
        read.push(Ok(Progress::End));
    }
    read
}

/// Returns the name of an event that reports a failure: `error`, or an AWS exception, whose name begins with a small
/// letter inside a stream and with a capital one elsewhere.
fn failure_name(name: &str) -> Option<String> {
    if name != "error" && !name.ends_with("Exception") && !name.ends_with("Error") {
        return None;
    }
    let capital = name.chars().next().map(|first| first.to_ascii_uppercase());
    Some(capital.into_iter().chain(name.chars().skip(1)).collect())
}

/// Returns an error with its causes: the first line of an HTTP client's error says little.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
