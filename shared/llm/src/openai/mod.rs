//! The adapter for every service that speaks `OpenAI`'s Chat Completions.

mod answer;
mod failure;
#[cfg(test)]
mod tests;
mod timer;
mod wire;

use async_stream::try_stream;
use futures::StreamExt as _;
use model::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, Url};

use crate::chat::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelInfo};
use crate::sse::Decoder;
use crate::{ModelError, TimeLimit, TimeLimits, prompt};
use answer::{Answer, Progress};
use failure::{ErrorBody, retry_after};
use timer::Timer;
use wire::Body;

/// The longest body of a refusal that is read, in bytes.
const MAX_REFUSAL: usize = 16 << 10;

/// A model behind an `OpenAI`-compatible API: `OpenAI` itself, Azure, Groq, `OpenRouter`, Ollama, llama.cpp, vLLM.
///
/// Answers are streamed. Nothing is retried: whoever calls knows whether that is wise.
#[derive(Debug, Clone)]
pub struct OpenAiCompatible {
    info: ModelInfo,
    endpoint: Url,
    api_key: Secret,
    http: reqwest::Client,
    limits: TimeLimits,
}

/// A base URL that is no absolute HTTP URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's base URL must be an absolute http or https URL")]
pub struct InvalidBaseUrl;

impl OpenAiCompatible {
    /// A model at `base_url`, for example `https://api.openai.com/v1`; a query stays. An empty key is not sent, as
    /// local servers have none. The client comes from [`TimeLimits::http_client`].
    pub fn new(
        info: ModelInfo,
        base_url: &str,
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
            .extend(["chat", "completions"]);
        Ok(Self {
            info,
            endpoint,
            api_key,
            http,
            limits: TimeLimits::default(),
        })
    }

    /// The same model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(self, limits: TimeLimits) -> Self {
        Self { limits, ..self }
    }

    /// `OpenAI`'s reasoning models refuse `max_tokens`; others know nothing else.
    fn has_completion_limit(&self) -> bool {
        self.endpoint.host_str() == Some("api.openai.com")
    }

    fn key(&self) -> &str {
        self.api_key.expose().trim()
    }

    /// Sends the request and waits for the head of the answer.
    async fn start(&self, request: &ChatRequest, system: Option<&str>) -> Result<Response, ModelError> {
        let body = Body::new(request, system, self.has_completion_limit());
        let mut call = self.http.post(self.endpoint.clone()).json(&body);
        if !self.key().is_empty() {
            call = call.bearer_auth(self.key());
        }
        call.send().await.map_err(|error| self.unsent(error))
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

    /// What a response says that holds no stream.
    async fn refusal(&self, mut response: Response) -> ModelError {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        while body.len() < MAX_REFUSAL
            && let Ok(Some(bytes)) = response.chunk().await
        {
            body.extend_from_slice(&bytes);
        }
        body.truncate(MAX_REFUSAL);
        ErrorBody::read(&body).into_error(status, retry_after, self.key())
    }
}

impl ChatModel for OpenAiCompatible {
    fn info(&self) -> ModelInfo {
        self.info.clone()
    }

    fn chat(&self, request: ChatRequest) -> ChatStream {
        let model = self.clone();
        try_stream! {
            let system = prompt::system(&request);
            let mut timer = Timer::start(model.limits);
            let mut response = timer.limit(model.start(&request, system.as_deref())).await??;
            if !response.status().is_success() || is_json(response.headers()) {
                Err(timer.limit(model.refusal(response)).await?)?;
                return;
            }
            let mut answer = Answer::new(&request, system.as_deref());
            let mut decoder = Decoder::default();
            loop {
                while let Some(event) = decoder.next_event() {
                    match answer.read(&event, model.key())? {
                        Progress::Nothing => {}
                        Progress::Thought => timer.progress(),
                        Progress::Text(text) => {
                            timer.progress();
                            yield ChatEvent::Text(text);
                        }
                        Progress::End => {
                            yield answer.done();
                            return;
                        }
                    }
                }
                let chunk = match timer.limit(response.chunk()).await {
                    Ok(Ok(Some(bytes))) => Ok(bytes),
                    Ok(Ok(None) | Err(_)) => Err(ModelError::Cut),
                    Err(late) => Err(late),
                };
                match chunk {
                    Ok(bytes) => decoder.push(&bytes).map_err(|error| ModelError::Malformed { detail: error.to_string() })?,
                    // The text is whole: only the count of tokens is lost.
                    Err(_) if answer.is_finished() => {
                        yield answer.done();
                        return;
                    }
                    Err(error) => Err(error)?,
                }
            }
        }
        .boxed()
    }
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
