//! Falling back from one model to the next.

use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::chat::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelInfo};
use crate::{ModelError, Provider};

/// Time for further models in addition to the first model's limit for its first sign of life; then the user has waited
/// long enough.
const MARGIN: Duration = Duration::from_secs(10);

/// A model of a [`FallbackChain`].
#[derive(Clone)]
pub struct Candidate {
    /// The provider.
    pub provider: Provider,
    /// The model's ID at that provider.
    pub name: String,
    /// The maximum size of request and answer together, in tokens.
    pub context_tokens: u32,
    /// The maximum size of an answer, in tokens.
    pub max_output_tokens: u32,
    /// Time limit for its first sign of life.
    pub first_token: Duration,
    /// The adapter that calls it.
    pub model: Arc<dyn ChatModel>,
}

/// Models of which the first answers; if it fails before its first text, the next one does. Reports which one answers
/// with [`ChatEvent::Answering`].
#[derive(Clone)]
pub struct FallbackChain {
    first: Candidate,
    rest: Vec<Candidate>,
}

impl FallbackChain {
    /// Creates a chain of the first choice and its fallbacks.
    pub fn new(first: Candidate, rest: Vec<Candidate>) -> Self {
        Self { first, rest }
    }
}

impl Candidate {
    /// Returns the request adapted to this model.
    fn adapt(&self, request: &ChatRequest) -> ChatRequest {
        ChatRequest {
            model: self.name.clone(),
            max_tokens: request.max_tokens.min(self.max_output_tokens),
            ..request.clone()
        }
        .fitted(self.context_tokens)
    }
}

impl ChatModel for FallbackChain {
    fn info(&self) -> ModelInfo {
        self.first.model.info()
    }

    fn chat(&self, request: ChatRequest) -> ChatStream {
        let this = self.clone();
        stream! {
            let latest = Instant::now() + this.first.first_token + MARGIN;
            // The caller has built the request for the first model, and expects that model's errors.
            let first = (this.first.clone(), request.clone());
            let rest = this.rest.iter().map(|link| (link.clone(), link.adapt(&request)));
            let mut reported: Option<ModelError> = None;
            for (place, (link, request)) in std::iter::once(first).chain(rest).enumerate() {
                if place > 0 && Instant::now() > latest {
                    break;
                }
                let mut events = link.model.chat(request);
                let mut has_begun = false;
                while let Some(event) = events.next().await {
                    match event {
                        Ok(ChatEvent::Accepted) => yield Ok(ChatEvent::Accepted),
                        Ok(event) => {
                            if !std::mem::replace(&mut has_begun, true) {
                                let (provider, model) = (link.provider, link.name.clone());
                                yield Ok(ChatEvent::Answering { provider, model, fallback: place > 0 });
                            }
                            let is_done = matches!(event, ChatEvent::Done { .. });
                            yield Ok(event);
                            if is_done {
                                return;
                            }
                        }
                        Err(error) if has_begun || !error.is_elsewhere_better() => {
                            yield Err(error);
                            return;
                        }
                        Err(error) => {
                            tracing::warn!(provider = %link.provider, model = link.name, code = error.code(), %error, "model.passed_over");
                            reported = Some(reported.unwrap_or(error));
                            break;
                        }
                    }
                }
                if has_begun {
                    yield Err(ModelError::Cut);
                    return;
                }
            }
            // The error of the requested model.
            yield Err(reported.unwrap_or(ModelError::Cut));
        }
        .boxed()
    }
}
