//! One call to a provider, whoever it is: asked, framed, decoded, timed and counted the same way.
//!
//! A vendor is what differs: how a request looks ([`Vendor::request`]) and what an event means ([`Vendor::read`]).

mod answer;
mod body;
mod failure;
mod finish;
mod frames;
mod inflate;
mod rest;
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

/// The longest body of a refusal that is read, in bytes.
const MAX_REFUSAL: usize = 16 << 10;

/// A base URL that is no absolute HTTP URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's base URL must be an absolute http or https URL")]
pub struct InvalidBaseUrl;

/// A model at its provider, and how it is reached.
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

    /// The key; empty where there is none.
    pub(crate) fn key(&self) -> &str {
        self.api_key.expose().trim()
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ModelError> {
        // A compressed stream comes in bursts.
        let request = request.header(ACCEPT_ENCODING, "identity");
        request.send().await.map_err(|error| self.unsent(error))
    }

    fn unsent(&self, error: reqwest::Error) -> ModelError {
        if error.is_builder() {
            // The only part of the request that can be unfit for HTTP is the key.
            ModelError::NotConfigured {
                provider: self.info.provider.clone().into_owned(),
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

    /// What a response says that holds no answer.
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

/// What is particular to a vendor.
pub(crate) trait Vendor: Clone + Send + Sync + 'static {
    /// The model and how it is reached.
    fn line(&self) -> &ProviderClient;

    /// The request. `system` is what [`prompt::system`] made of its system prompt.
    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>>;

    /// How a stream is framed.
    fn frames(&self) -> Frames;

    /// Reads an object of an event that has this name into the answer. It holds no failure that any vendor would tell of;
    /// otherwise it may hold anything. A whole answer in one piece is read as well.
    fn read(&self, name: &str, value: &Value, answer: &mut Answer) -> Result<Progress, ModelError>;
}

impl<V: Vendor> ChatModel for V {
    fn info(&self) -> ModelInfo {
        self.line().info.clone()
    }

    fn chat(&self, request: ChatRequest) -> ChatStream {
        chat(self.clone(), request)
    }
}

/// Asks a vendor. Nothing is retried: whoever calls knows whether that is wise.
fn chat<V: Vendor>(vendor: V, mut request: ChatRequest) -> ChatStream {
    request.messages = turns::alternating(request.messages);
    try_stream! {
        let line = vendor.line();
        let system = prompt::system(&request);
        let mut timer = Timer::start(line.limits);
        let mut response = timer.limit(async {
            let call = vendor.request(&request, system.as_deref()).await?;
            line.send(call).await
        }).await??;
        timer.alive();
        if !response.status().is_success() {
            Err(timer.limit(line.refusal(response)).await?)?;
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
                    rest::read(&mut response).await;
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
                // What is left may still be the end.
                Ok(None) => is_over = true,
                // The text is whole: at most the count of tokens is lost.
                Err(_) if answer.is_finished() => is_whole = true,
                Err(error) => Err(error)?,
            }
        }
    }
    .boxed()
}

/// Reads an event. `is_last`: it stood at the end of the response, perhaps as all there is.
pub(crate) fn read<V: Vendor>(
    vendor: &V,
    event: &Event,
    answer: &mut Answer,
    is_last: bool,
) -> Vec<Result<Progress, ModelError>> {
    let is_whole = event.name == WHOLE;
    let key = vendor.line().key();
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
            let detail = format!("a frame is not what the protocol promises: {error}");
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
                    // It counts what it has cost.
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
    // One piece of JSON that was read to its end is whole, whether it says so or not.
    if is_whole || (is_last && answer.is_finished()) {
        read.push(Ok(Progress::End));
    }
    read
}

/// The name of an event that tells of a failure: `error`, or as AWS calls exceptions, which begin with a small letter
/// inside a stream and with a capital one elsewhere.
fn failure_name(name: &str) -> Option<String> {
    if name != "error" && !name.ends_with("Exception") && !name.ends_with("Error") {
        return None;
    }
    let capital = name.chars().next().map(|first| first.to_ascii_uppercase());
    Some(capital.into_iter().chain(name.chars().skip(1)).collect())
}

/// An error with its causes: the first line of an HTTP client's error says little.
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
