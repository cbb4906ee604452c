//! The answer as it is made, and the end that none escapes.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture};
use llm::{ChatEvent, ChatStream, FinishReason, ModelError, estimate_tokens};
use model::{Error, Result, Usage};
use tokio::task::JoinHandle;

use super::{Generated, Generation, Outcome};
use crate::{App, models::Chosen};

/// An answer as it is made: any number of [`Generated::Text`], then one [`Generated::Done`]; or an error, after which
/// nothing follows. It does its work only while it is polled. Dropping it ends the call to the provider and pays for
/// what was written; [`GenerationStream::stop`] does the same and says what that was.
pub struct GenerationStream(State);

enum State {
    /// The model writes.
    Running(ChatStream, Run),
    /// It has ended; the outcome follows when it is paid for.
    Settling(JoinHandle<Result<Outcome>>, Option<ModelError>),
    Over,
}

impl GenerationStream {
    pub(super) fn new(upstream: ChatStream, run: Run) -> Self {
        Self(State::Running(upstream, run))
    }

    /// Ends the answer now: closes the call to the provider and pays for exactly what was written.
    ///
    /// # Errors
    /// [`Error::Conflict`] `answer_over` when it has ended already; otherwise as the table fails.
    pub fn stop(mut self) -> BoxFuture<'static, Result<Outcome>> {
        let settling = match std::mem::replace(&mut self.0, State::Over) {
            State::Running(upstream, run) => {
                drop(upstream);
                settle(run, End::Stopped)
            }
            State::Settling(handle, _) => Ok(handle),
            State::Over => Err(Error::conflict("answer_over", "The answer has ended already.")),
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
        if let State::Running(upstream, run) = std::mem::replace(&mut self.0, State::Over) {
            drop(upstream);
            if let Err(error) = settle(run, End::Stopped) {
                tracing::error!(%error, "generation.not_settled");
            }
        }
    }
}

impl Stream for GenerationStream {
    type Item = Result<Generated>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let (end, failure) = match &mut self.0 {
                State::Over => return Poll::Ready(None),
                State::Settling(handle, failure) => {
                    let Poll::Ready(settled) = handle.poll_unpin(cx) else {
                        return Poll::Pending;
                    };
                    let failure = failure.take();
                    self.0 = State::Over;
                    return Poll::Ready(Some(match (settled, failure) {
                        (_, Some(failure)) => Err(failure.into()),
                        (Ok(outcome), None) => outcome.map(|outcome| Generated::Done(Box::new(outcome))),
                        (Err(error), None) => Err(Error::internal(error)),
                    }));
                }
                State::Running(upstream, run) => match upstream.poll_next_unpin(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(ChatEvent::Answering { .. }))) => continue,
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
            if let State::Running(upstream, run) = std::mem::replace(&mut self.0, State::Over) {
                drop(upstream);
                if let Some(error) = &failure {
                    tracing::warn!(generation_id = %run.generation.id, code = error.code(), error = %error, "generation.failed");
                }
                match settle(run, end) {
                    Ok(handle) => self.0 = State::Settling(handle, failure),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
        }
    }
}

/// How the model ended.
pub(super) enum End {
    /// It said all it had to say.
    Whole(FinishReason, llm::Usage),
    /// Its reader wanted no more.
    Stopped,
    /// The provider failed.
    Failed,
}

/// A call that runs, with everything that its end needs.
pub(super) struct Run {
    app: App,
    generation: Generation,
    model: String,
    provider: String,
    requested_model: Option<String>,
    began_ms: i64,
    first_ms: Option<i64>,
    text: String,
}

impl Run {
    pub(super) fn new(app: App, generation: Generation, chosen: &Chosen) -> Self {
        Self {
            began_ms: app.clock.now_ms(),
            app,
            generation,
            model: chosen.name.clone(),
            provider: chosen.model.info().provider.into_owned(),
            requested_model: chosen.requested.clone(),
            first_ms: None,
            text: String::new(),
        }
    }

    fn wrote(&mut self, text: &str) {
        if self.first_ms.is_none() {
            self.first_ms = Some(self.app.clock.now_ms());
        }
        self.text.push_str(text);
    }

    /// What there is to pay for.
    fn outcome(&self, end: &End) -> Outcome {
        let since = |at: i64| u64::try_from(at - self.began_ms).unwrap_or_default();
        let (finish_reason, usage) = match end {
            End::Whole(reason, usage) => (reason_name(*reason), *usage),
            End::Stopped => ("stopped", self.estimated()),
            // A call that fails before its first words is not charged by the provider.
            End::Failed if self.first_ms.is_none() => ("error", llm::Usage::default()),
            End::Failed => ("error", self.estimated()),
        };
        Outcome {
            model: self.model.clone(),
            provider: self.provider.clone(),
            requested_model: self.requested_model.clone(),
            fallback: self.requested_model.is_some(),
            finish_reason,
            usage: Usage {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                total_tokens: usage.total(),
                estimated: usage.estimated,
            },
            cost_micro_usd: None,
            latency_ms: since(self.app.clock.now_ms()),
            time_to_first_token_ms: self.first_ms.map(since),
        }
    }

    fn estimated(&self) -> llm::Usage {
        llm::Usage {
            prompt_tokens: prompt_tokens(&self.generation.request),
            completion_tokens: estimate_tokens(&self.text),
            estimated: true,
            ..llm::Usage::default()
        }
    }
}

/// About how many tokens the model has to read.
pub(super) fn prompt_tokens(request: &llm::ChatRequest) -> u64 {
    let messages = request.messages.iter().map(|message| message.content.as_str());
    let sources = request.sources.iter().flatten().map(|source| source.text.as_str());
    let texts = messages.chain(sources).chain(request.system.as_deref());
    texts.map(estimate_tokens).sum()
}

/// Pays for a call that ended, to the end, whatever becomes of its reader.
fn settle(run: Run, end: End) -> Result<JoinHandle<Result<Outcome>>> {
    let app = run.app.clone();
    let settling = async move { Ok(run.outcome(&end)) };
    app.run_to_the_end(settling)
        .ok_or_else(|| Error::internal("a generation ended outside of a runtime"))
}

fn reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other => "other",
    }
}
