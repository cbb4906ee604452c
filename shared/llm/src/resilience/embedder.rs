//! Embedding models with retries.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};
use tokio::time::{Instant, sleep};

use super::{CircuitBreaker, wait};
use crate::{Embedder, Embeddings, MaxRequest, ModelError, TimeLimits};

/// Like [`super::Resilient`], for an embedding model: its result arrives whole, so a failed call has no partial result.
#[derive(Clone)]
pub struct ResilientEmbedder {
    embedder: Arc<dyn Embedder>,
    health: Arc<CircuitBreaker>,
    within: Duration,
}

impl ResilientEmbedder {
    /// Creates a model with its circuit breaker. Attempts begin within the time that `limits` allows for the first
    /// token.
    pub fn new(embedder: Arc<dyn Embedder>, health: Arc<CircuitBreaker>, limits: TimeLimits) -> Self {
        Self {
            embedder,
            health,
            within: limits.first_token,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a wait of a fraction of a second is cheaper than a failed answer, or the provider asks for it"
    )]
    async fn ask(&self, texts: Vec<String>) -> Result<Embeddings, ModelError> {
        let started = Instant::now();
        let mut attempt = 0;
        let mut failed = None;
        loop {
            let permit = match self.health.admit(attempt > 0) {
                Ok(permit) => permit,
                // Other calls have opened the breaker meanwhile.
                Err(unavailable) => return Err(failed.unwrap_or(unavailable)),
            };
            let error = match self.embedder.embed(texts.clone()).await {
                Ok(found) => {
                    permit.succeeded();
                    return Ok(found);
                }
                Err(error) => error,
            };
            let may_retry = permit.failed(&error);
            let left = self.within.saturating_sub(started.elapsed());
            match wait(&error, attempt, left) {
                Some(wait) if may_retry && self.health.spend() => {
                    tracing::info!(code = error.code(), %error, attempt, "model.asked_again");
                    failed = Some(error);
                    attempt += 1;
                    sleep(wait).await;
                }
                _ => return Err(error),
            }
        }
    }
}

impl Embedder for ResilientEmbedder {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Embeddings, ModelError>> {
        let this = self.clone();
        async move { this.ask(texts).await }.boxed()
    }

    fn max_request(&self) -> MaxRequest {
        self.embedder.max_request()
    }
}
