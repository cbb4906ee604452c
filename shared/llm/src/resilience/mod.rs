//! Resilience against failing providers: retries, circuit breakers and fallbacks.
//!
//! - [`Resilient`] retries one model, before its first piece only.
//! - [`CircuitBreaker`] is a circuit breaker with a retry budget, for one model in a process.
//! - [`ResilientEmbedder`] does the same for an embedding model.
//! - [`GuardedReranker`] is a reranking model with a circuit breaker.
//! - [`FallbackChain`] continues with the next model if one does not begin to answer.

mod circuit_breaker;
mod embedder;
mod fallback;
mod reranker;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use futures::StreamExt as _;
use tokio::time::{Instant, sleep};

use crate::chat::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelInfo};
use crate::{ModelError, TimeLimit, TimeLimits};
pub use circuit_breaker::{CircuitBreaker, CircuitBreakers};
pub use embedder::ResilientEmbedder;
pub use fallback::{Candidate, FallbackChain};
pub use reranker::GuardedReranker;

/// Retries after the first attempt.
const RETRIES: u32 = 2;
/// The longest wait before the first retry; it doubles with each.
const BACKOFF: Duration = Duration::from_millis(250);

/// Retries begin within this time: a model that may think for minutes is not retried after minutes.
const ATTEMPTS: Duration = Duration::from_secs(15);

/// A model that is retried if it fails before its first piece, and has a circuit breaker.
#[derive(Clone)]
pub struct Resilient {
    model: Arc<dyn ChatModel>,
    health: Arc<CircuitBreaker>,
    /// Attempts begin within this time.
    attempts: Duration,
}

impl Resilient {
    /// Creates a model with its circuit breaker. Attempts begin within 15 seconds, and within the time that `limits`
    /// allows for the first token.
    pub fn new(model: Arc<dyn ChatModel>, health: Arc<CircuitBreaker>, limits: TimeLimits) -> Self {
        Self {
            model,
            health,
            attempts: limits.first_token.min(ATTEMPTS),
        }
    }
}

/// Returns how long to wait before a retry; `None` if a retry is useless, or there is no time.
fn wait(error: &ModelError, attempt: u32, left: Duration) -> Option<Duration> {
    if attempt >= RETRIES {
        return None;
    }
    let jitter = jitter(BACKOFF * 2_u32.pow(attempt));
    let wait = match error {
        // The provider says when; jitter spreads the callers that received the same time.
        ModelError::RateLimited {
            retry_after: Some(after),
        }
        | ModelError::Overloaded { retry_after: after, .. } => *after + jitter,
        ModelError::RateLimited { retry_after: None }
        | ModelError::Empty
        | ModelError::Unreachable { .. }
        | ModelError::TimedOut {
            what: TimeLimit::Connect,
        }
        | ModelError::Refused {
            status: 408 | 500.., ..
        } => jitter,
        _ => return None,
    };
    (wait < left).then_some(wait)
}

/// Returns a random time up to `longest`, so that calls that failed together are not retried together.
fn jitter(longest: Duration) -> Duration {
    let random = domain::id::random_bytes::<4>().map_or(u32::MAX, u32::from_be_bytes);
    longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

impl ChatModel for Resilient {
    fn info(&self) -> ModelInfo {
        self.model.info()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a wait of a fraction of a second is cheaper than a failed answer, or the provider asks for it"
    )]
    fn chat(&self, request: ChatRequest) -> ChatStream {
        let this = self.clone();
        stream! {
            let started = Instant::now();
            let mut attempt = 0;
            let mut failed = None;
            loop {
                let permit = match this.health.admit(attempt > 0) {
                    Ok(permit) => permit,
                    // Other calls have opened the breaker meanwhile.
                    Err(unavailable) => {
                        yield Err(failed.unwrap_or(unavailable));
                        return;
                    }
                };
                let mut events = this.model.chat(request.clone());
                let mut has_begun = false;
                let error = loop {
                    match events.next().await {
                        Some(Ok(event @ ChatEvent::Done { .. })) => {
                            permit.succeeded();
                            yield Ok(event);
                            return;
                        }
                        Some(Ok(ChatEvent::Accepted)) => yield Ok(ChatEvent::Accepted),
                        Some(Ok(event)) => {
                            has_begun = true;
                            permit.began();
                            yield Ok(event);
                        }
                        Some(Err(error)) => break error,
                        None => break ModelError::Cut,
                    }
                };
                let may_retry = permit.failed(&error) && !has_begun;
                let left = this.attempts.saturating_sub(started.elapsed());
                match wait(&error, attempt, left) {
                    Some(wait) if may_retry && this.health.spend() => {
                        tracing::info!(code = error.code(), %error, attempt, "model.asked_again");
                        drop(events);
                        failed = Some(error);
                        attempt += 1;
                        sleep(wait).await;
                    }
                    _ => {
                        yield Err(error);
                        return;
                    }
                }
            }
        }
        .boxed()
    }
}
