//! Models one after another.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::ModelError;
use crate::chat::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelInfo};

/// How much longer than the first model had for its first sign of life a further one is asked: whoever waits has waited
/// long enough then.
const MARGIN: Duration = Duration::from_secs(10);

/// A model of a [`FallbackChain`].
#[derive(Clone)]
pub struct Candidate {
    /// Who runs it.
    pub provider: Cow<'static, str>,
    /// Its id at that provider.
    pub name: String,
    /// The longest request and answer together, in tokens.
    pub context_tokens: u32,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// How long it may take to its first sign of life.
    pub first_token: Duration,
    /// What talks to it.
    pub model: Arc<dyn ChatModel>,
}

/// Models of which the first answers; when it fails before its first word, the next one does. It says which one with
/// [`ChatEvent::Answering`].
#[derive(Clone)]
pub struct FallbackChain {
    first: Candidate,
    rest: Vec<Candidate>,
}

impl FallbackChain {
    /// The first choice, and who stands in for it.
    pub fn new(first: Candidate, rest: Vec<Candidate>) -> Self {
        Self { first, rest }
    }
}

impl Candidate {
    /// The request as this model takes it.
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
            // The caller has made the request for the first one, and waits for what that one says.
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
                                let (provider, model) = (link.provider.clone(), link.name.clone());
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
            // What is wrong with the one that was asked for.
            yield Err(reported.unwrap_or(ModelError::Cut));
        }
        .boxed()
    }
}
