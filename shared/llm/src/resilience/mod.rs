//! Providers fail: what is asked again, what is not asked any more, and who answers instead.
//!
//! - [`Resilient`] asks one model again, before its first piece only.
//! - [`CircuitBreaker`] is what a process knows of a model: a circuit breaker, and a budget of further attempts.
//! - [`ResilientEmbedder`] does the same with a model of embeddings.
//! - [`FallbackChain`] goes on to the next model when one does not begin to answer.

mod circuit_breaker;
mod embedder;
mod fallback;
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

/// Further attempts after the first one.
const RETRIES: u32 = 2;
/// The longest wait before the first further attempt; it doubles with each.
const BACKOFF: Duration = Duration::from_millis(250);

/// Further attempts begin within this: a model that may think for minutes is not asked again after minutes.
const ATTEMPTS: Duration = Duration::from_secs(15);

/// A model that is asked again when it fails before its first piece, and not at all while it keeps failing.
#[derive(Clone)]
pub struct Resilient {
    model: Arc<dyn ChatModel>,
    health: Arc<CircuitBreaker>,
    /// Attempts begin within this.
    attempts: Duration,
}

impl Resilient {
    /// A model and what is known of it. Attempts begin within 15 seconds, and within the time of the first token that
    /// `limits` gives to one.
    pub fn new(model: Arc<dyn ChatModel>, health: Arc<CircuitBreaker>, limits: TimeLimits) -> Self {
        Self {
            model,
            health,
            attempts: limits.first_token.min(ATTEMPTS),
        }
    }
}

/// How long to wait before asking again; none when that is no use, or there is no time.
fn wait(error: &ModelError, attempt: u32, left: Duration) -> Option<Duration> {
    if attempt >= RETRIES {
        return None;
    }
    let jitter = jitter(BACKOFF * 2_u32.pow(attempt));
    let wait = match error {
        // The provider says when; all who were told the same do not come at once.
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

/// Any time up to `longest`, so that those who failed together do not come back together.
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
                    // Others have found out meanwhile that it is down.
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
