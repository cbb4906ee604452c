//! The stream of a model's answer, and its guaranteed settlement.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use domain::{Error, Result, WantedEvents};
use futures::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture};
use llm::{ChatEvent, ChatStream, ModelError};
use tokio::{task::JoinHandle, time::timeout};

use super::{
    Generated, Outcome,
    run::{End, Run},
};

/// How long to wait for the first event after a provider has accepted a request: most failures occur immediately and
/// can still be returned with an HTTP status of their own.
pub(crate) const FIRST_PIECE: Duration = Duration::from_secs(1);

/// A model's answer in progress: at most one [`Generated::Accepted`], any number of [`Generated::Thinking`] and
/// [`Generated::Text`], then one [`Generated::Done`]; or an error, after which nothing follows. It only works while it
/// is polled. Dropping it ends the provider call and charges the generated text; [`GenerationStream::stop`] does the
/// same and returns the outcome.
pub struct GenerationStream {
    state: State,
    /// An event that was read ahead.
    first: Option<Generated>,
    /// Whether a provider has accepted the request.
    is_accepted: bool,
    /// The model that answers.
    model: String,
    /// The outcome of a call that failed.
    failed: Option<Box<Outcome>>,
    /// The events that webhooks of the organization want, as it was read for the call.
    wanted: WantedEvents,
}

enum State {
    /// The model is answering.
    Running(ChatStream, Box<Run>),
    /// The call has ended; the outcome follows once it is settled.
    Settling(JoinHandle<Result<Outcome>>, Option<ModelError>),
    Over,
}

impl GenerationStream {
    pub(super) fn new(upstream: ChatStream, run: Run) -> Self {
        Self {
            model: run.model().to_owned(),
            state: State::Running(upstream, Box::new(run)),
            first: None,
            is_accepted: false,
            failed: None,
            wanted: WantedEvents::default(),
        }
    }

    /// Returns the stream with the events that webhooks of the organization want.
    pub(super) fn with_wanted_events(self, wanted: WantedEvents) -> Self {
        let mut stream = self;
        stream.wanted = wanted;
        stream
    }

    /// Returns the events that webhooks of the organization want.
    pub(crate) fn wanted_events(&self) -> &WantedEvents {
        &self.wanted
    }

    /// Returns the model that answers, by its provider's name for it. It is final once an event has arrived.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns the outcome of an answer that ended with an error; `None` on further calls.
    pub fn take_failed(&mut self) -> Option<Box<Outcome>> {
        self.failed.take()
    }

    /// Resolves to the same stream once the model has sent text or reasoning, or one second after its provider accepted
    /// the request. Earlier failures can still be returned with an HTTP status of their own, and a client that waits
    /// minutes for a reasoning model learns that it was accepted.
    ///
    /// # Errors
    /// Returns the provider's failure before that.
    pub fn begun(mut self) -> BoxFuture<'static, Result<Self>> {
        Box::pin(async move {
            let mut first = self.next().await;
            if let Some(Ok(Generated::Accepted)) = first {
                first = timeout(FIRST_PIECE, self.next()).await.unwrap_or_default();
            }
            self.first = first.transpose()?;
            Ok(self)
        })
    }

    /// Ends the answer now: closes the provider call and charges exactly the generated text.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `answer_over` if it has already ended, and errors of the table.
    pub fn stop(mut self) -> BoxFuture<'static, Result<Outcome>> {
        let settling = match std::mem::replace(&mut self.state, State::Over) {
            State::Running(upstream, run) => {
                drop(upstream);
                run.settle(End::Stopped)
            }
            State::Settling(handle, _) => Ok(handle),
            State::Over => Err(Error::conflict("answer_over", "The answer has already ended.")),
        };
        Box::pin(async move { settling?.await.map_err(Error::internal)? })
    }
}

impl std::fmt::Debug for GenerationStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GenerationStream")
    }
}

impl Drop for GenerationStream {
    fn drop(&mut self) {
        if let State::Running(upstream, run) = std::mem::replace(&mut self.state, State::Over) {
            drop(upstream);
            if let Err(error) = run.settle(End::Stopped) {
                tracing::error!(%error, "generation.not_settled");
            }
        }
    }
}

impl Stream for GenerationStream {
    type Item = Result<Generated>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            let (end, failure) = match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Settling(handle, failure) => {
                    let Poll::Ready(settled) = handle.poll_unpin(cx) else {
                        return Poll::Pending;
                    };
                    let failure = failure.take();
                    self.state = State::Over;
                    let outcome = settled
                        .unwrap_or_else(|error| Err(Error::internal(error)))
                        .map(Box::new);
                    return Poll::Ready(Some(match failure {
                        Some(failure) => {
                            self.failed = outcome.ok();
                            Err(failure.into())
                        }
                        None => outcome.map(Generated::Done),
                    }));
                }
                State::Running(_, run) if run.overruns() => {
                    tracing::warn!(generation_id = %run.id(), "generation.overrun");
                    (End::Overrun, None)
                }
                State::Running(upstream, run) => match run.polled(upstream, cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(ChatEvent::Accepted))) => {
                        if std::mem::replace(&mut self.is_accepted, true) {
                            continue;
                        }
                        return Poll::Ready(Some(Ok(Generated::Accepted)));
                    }
                    Poll::Ready(Some(Ok(ChatEvent::Answering {
                        provider,
                        model,
                        fallback,
                    }))) => {
                        run.answered_by(provider, model, fallback);
                        let model = run.model().to_owned();
                        self.model = model;
                        continue;
                    }
                    Poll::Ready(Some(Ok(ChatEvent::Thinking(thinking)))) => {
                        run.thought(&thinking);
                        return Poll::Ready(Some(Ok(Generated::Thinking(thinking))));
                    }
                    Poll::Ready(Some(Ok(ChatEvent::Text(text)))) => {
                        run.wrote(&text);
                        return Poll::Ready(Some(Ok(Generated::Text(text))));
                    }
                    Poll::Ready(Some(Ok(ChatEvent::Done { finish_reason, usage }))) => {
                        (End::Whole(finish_reason, usage), None)
                    }
                    Poll::Ready(Some(Err(error))) => (End::Failed, Some(error)),
                    Poll::Ready(None) => (End::Failed, Some(ModelError::Cut)),
                },
            };
            if let State::Running(upstream, run) = std::mem::replace(&mut self.state, State::Over) {
                drop(upstream);
                if let Some(error) = &failure {
                    tracing::warn!(generation_id = %run.id(), code = error.code(), error = %error, "generation.failed");
                }
                match run.settle(end) {
                    Ok(handle) => self.state = State::Settling(handle, failure),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
        }
    }
}
