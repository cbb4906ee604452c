//! One call to a provider, whoever it is: asked, framed, decoded, timed and counted the same way.
//!
//! A vendor is what differs: how a request looks ([`Vendor::request`]) and what an event means ([`Vendor::read`]).

mod answer;
mod failure;
mod frames;
mod timer;

use async_stream::try_stream;
use futures::{StreamExt as _, future::BoxFuture};
use model::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Response, Url};

use crate::chat::{ChatModel, ChatRequest, ChatStream, ModelInfo};
use crate::{ModelError, TimeLimit, TimeLimits, prompt};
pub(crate) use answer::{Answer, Progress};
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
pub(crate) struct Line {
    pub(crate) info: ModelInfo,
    pub(crate) endpoint: Url,
    pub(crate) api_key: Secret,
    pub(crate) http: reqwest::Client,
    pub(crate) limits: TimeLimits,
}

impl Line {
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
        ErrorBody::read(&body).into_refusal(status, &headers, self.key())
    }
}

/// What is particular to a vendor.
pub(crate) trait Vendor: Clone + Send + Sync + 'static {
    /// The model and how it is reached.
    fn line(&self) -> &Line;

    /// The request. `system` is what [`prompt::system`] made of its system prompt.
    fn request<'a>(
        &'a self,
        request: &'a ChatRequest,
        system: Option<&'a str>,
    ) -> BoxFuture<'a, Result<RequestBuilder, ModelError>>;

    /// How a stream is framed.
    fn frames(&self) -> Frames;

    /// Reads an event into the answer.
    fn read(&self, event: &crate::sse::Event, answer: &mut Answer) -> Result<Progress, ModelError>;
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
fn chat<V: Vendor>(vendor: V, request: ChatRequest) -> ChatStream {
    try_stream! {
        let line = vendor.line();
        let system = prompt::system(&request);
        let mut timer = Timer::start(line.limits);
        let mut response = timer.limit(async {
            let call = vendor.request(&request, system.as_deref()).await?;
            line.send(call).await
        }).await??;
        timer.alive();
        if !response.status().is_success() || is_json(response.headers()) {
            Err(timer.limit(line.refusal(response)).await?)?;
            return;
        }
        let mut answer = Answer::new(&request, system.as_deref());
        let mut frames = vendor.frames();
        let mut is_whole = false;
        loop {
            while !is_whole && let Some(event) = frames.next_event() {
                let progress = match vendor.read(&event, &mut answer) {
                    Ok(progress) => progress,
                    Err(error) => Err(if answer.has_begun() { error.interrupted() } else { error })?,
                };
                match progress {
                    Progress::Nothing => {}
                    Progress::Thought | Progress::Text => timer.progress(),
                    Progress::End => is_whole = true,
                }
                while let Some(piece) = answer.next_piece() {
                    yield piece;
                }
            }
            if is_whole {
                answer.finish_pieces();
                while let Some(piece) = answer.next_piece() {
                    yield piece;
                }
                yield answer.done();
                return;
            }
            let chunk = match timer.limit(response.chunk()).await {
                Ok(Ok(Some(bytes))) => Ok(bytes),
                Ok(Ok(None) | Err(_)) => Err(ModelError::Cut),
                Err(late) => Err(late),
            };
            match chunk {
                Ok(bytes) => {
                    timer.alive();
                    frames.push(&bytes).map_err(|detail| ModelError::Malformed { detail })?;
                }
                // The text is whole: at most the count of tokens is lost.
                Err(_) if answer.is_finished() => is_whole = true,
                Err(error) => Err(error)?,
            }
        }
    }
    .boxed()
}

/// An event's data as JSON.
pub(crate) fn parse<'a, T: serde::Deserialize<'a>>(event: &'a crate::sse::Event) -> Result<T, ModelError> {
    serde_json::from_str(&event.data).map_err(|error| ModelError::Malformed {
        detail: format!("a frame is not what the protocol promises: {error}"),
    })
}

/// Some servers refuse with 200 and a plain JSON body.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().starts_with("application/json"))
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
