//! Reranking models with a circuit breaker.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};

use super::CircuitBreaker;
use crate::{ModelError, Reranked, Reranker};

/// A model with its circuit breaker. It is asked once: an answer waits for it, and without it uses the order that it has.
#[derive(Clone)]
pub struct GuardedReranker {
    reranker: Arc<dyn Reranker>,
    health: Arc<CircuitBreaker>,
}

impl GuardedReranker {
    /// Creates a model with its circuit breaker.
    pub fn new(reranker: Arc<dyn Reranker>, health: Arc<CircuitBreaker>) -> Self {
        Self { reranker, health }
    }
}

impl Reranker for GuardedReranker {
    fn rerank(&self, question: String, texts: Vec<String>) -> BoxFuture<'static, Result<Reranked, ModelError>> {
        let this = self.clone();
        async move {
            let permit = this.health.admit(false)?;
            let found = this.reranker.rerank(question, texts).await;
            match &found {
                Ok(_) => permit.succeeded(),
                Err(error) => {
                    permit.failed(error);
                }
            }
            found
        }
        .boxed()
    }
}
