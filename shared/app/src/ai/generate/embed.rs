//! Text embeddings, charged like answers.

use domain::{Category, Error, GenerationId, Result, Usage, UsageCounters, time::after};
use futures::future::BoxFuture;
use llm::{Provider, TextRole, catalog, embed_all, estimate_tokens, prices::price};
use store::{TokenEstimate, UsageRecord};

use super::{
    Admission, BillingContext,
    reserve::{Held, LEASE},
};
use crate::App;

/// Texts to embed.
#[derive(Debug, Clone)]
pub struct EmbeddingRequest {
    /// Name of the model.
    pub model: String,
    /// The texts.
    pub texts: Vec<String>,
    /// What the texts are, for models that embed questions and passages differently.
    pub role: TextRole,
    /// Length of the vectors, for models that can shorten them.
    pub dimensions: Option<u32>,
}

/// Embedded texts.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// One vector per text, in the same order.
    pub vectors: Vec<Vec<f32>>,
    /// The model, by its provider's name for it.
    pub model: String,
    /// Its provider.
    pub provider: Provider,
    /// Tokens.
    pub usage: Usage,
    /// The provider's charge in millionths of a US dollar; `None` if the model's price is unknown.
    pub cost_micro_usd: Option<u64>,
}

impl App {
    /// Embeds texts. Once the provider is called, the call runs to completion even if the caller is gone, so that its
    /// cost is charged.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] `provider_not_configured` for a model of no configured embedding provider, and the
    /// errors of [`App::generate`].
    pub fn embed(&self, billing: BillingContext, asked: EmbeddingRequest) -> BoxFuture<'_, Result<Embedded>> {
        Box::pin(async move {
            billing.may_ask(&asked.model)?;
            let Admission { org, subjects } = self.admit(&billing).await?;
            let named = catalog::resolve(&asked.model);
            let embedder = self.embedder(&named, (asked.role, asked.dimensions)).await?;
            let prompt = asked.texts.iter().map(|text| estimate_tokens(text)).sum();
            let (id, now): (GenerationId, _) = (self.ids.make()?, self.clock.now());
            let ask = TokenEstimate {
                id,
                model: named.model.clone(),
                category: Category::Embeddings,
                prompt,
                estimate: prompt,
                now_ms: now.as_millisecond(),
                until: after(now, LEASE),
            };
            let reservation = match self.reservation(&subjects, &ask).await {
                Ok(Held::Done(reservation)) => reservation,
                Ok(Held::Short(limit)) => {
                    self.alert_exhausted(&subjects, &limit).await;
                    let error = self.refused(limit, prompt);
                    return Err(self.without_reservation(&billing, &org, &subjects, error).await);
                }
                Err(error) => return Err(self.without_reservation(&billing, &org, &subjects, error).await),
            };
            let app = self.clone();
            let work = async move {
                let found = embed_all(embedder, asked.texts).await;
                let usage = found.as_ref().map(|found| found.usage).unwrap_or_default();
                let price = price(named.provider, &named.model, now);
                let cost = price.map(|price| price.cost_micro_usd(&usage));
                let took = app.clock.now_ms().saturating_sub(now.as_millisecond());
                let charge = UsageRecord {
                    counters: UsageCounters {
                        requests: 1,
                        errors: u64::from(found.is_err()),
                        prompt_tokens: usage.prompt_tokens,
                        cost_micro_usd: cost.unwrap_or_default(),
                        unpriced: u64::from(cost.is_none() && usage.total() > 0),
                        estimated: u64::from(usage.estimated),
                        ..UsageCounters::default()
                    },
                    model: named.model.clone(),
                    latency_ms: found.is_ok().then_some(took.max(0).unsigned_abs()),
                    first_token_ms: None,
                };
                match app.store.ledger().settle_and_see(&reservation, &charge).await {
                    Ok(Some(used)) if usage.total() > 0 => app.watch(&subjects, used).await,
                    Ok(_) => {}
                    // The vectors exist and are returned to the caller; the reservation is settled when its lease
                    // expires.
                    Err(error) => tracing::error!(generation_id = %reservation.id, %error, "generation.not_settled"),
                }
                Ok(Embedded {
                    vectors: found?.vectors,
                    model: named.model,
                    provider: named.provider,
                    usage: usage.into(),
                    cost_micro_usd: cost,
                })
            };
            let work = self.run_to_completion(work);
            let work = work.ok_or_else(|| Error::internal("texts were embedded outside of a runtime"))?;
            work.await.map_err(Error::internal)?
        })
    }
}
