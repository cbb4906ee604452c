//! Text embeddings, charged like answers.

use domain::{Category, Result, Usage};
use futures::future::BoxFuture;
use llm::{Provider, TextRole, catalog, embed_all, estimate_tokens, prices::price};

use super::{
    BillingContext,
    metered::{Metered, MeteredCall},
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
    /// The category in usage statistics: [`Category::Embeddings`] for a request of the user.
    pub category: Category,
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
    /// Returns [`domain::Error::Upstream`] `provider_not_configured` for a model of no configured embedding provider, and the
    /// errors of [`App::generate`].
    pub fn embed(&self, billing: BillingContext, asked: EmbeddingRequest) -> BoxFuture<'_, Result<Embedded>> {
        Box::pin(async move {
            billing.may_ask(&asked.model)?;
            let named = catalog::resolve(&asked.model);
            let embedder = self.embedder(&named, (asked.role, asked.dimensions)).await?;
            let price = price(named.provider, &named.model, self.clock.now());
            let call = MeteredCall {
                billing,
                named: named.clone(),
                category: asked.category,
                prompt: asked.texts.iter().map(|text| estimate_tokens(text)).sum(),
            };
            let found = self.metered(call, async move {
                let found = embed_all(embedder, asked.texts).await?;
                Ok(Metered {
                    cost_micro_usd: price.map(|price| price.cost_micro_usd(&found.usage)),
                    usage: found.usage,
                    value: found.vectors,
                })
            });
            let found = found.await?;
            Ok(Embedded {
                vectors: found.value,
                model: named.model,
                provider: named.provider,
                usage: found.usage.into(),
                cost_micro_usd: found.cost_micro_usd,
            })
        })
    }
}
