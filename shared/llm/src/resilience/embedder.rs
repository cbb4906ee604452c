//! Embedding models that fail.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};
use tokio::time::{Instant, sleep};

use super::{CircuitBreaker, wait};
use crate::{Embedder, Embeddings, ModelError, TimeLimits};

/// As [`super::Resilient`], for a model of embeddings: its answer comes whole, so nothing was read of one that failed.
#[derive(Clone)]
pub struct ResilientEmbedder {
    embedder: Arc<dyn Embedder>,
    health: Arc<CircuitBreaker>,
    within: Duration,
}

impl ResilientEmbedder {
    /// A model and what is known of it. Attempts begin within the time of the first token that `limits` gives to one.
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
                // Others have found out meanwhile that it is down.
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
}
