//! Texts in the order of how well they answer a question, charged like answers.

use domain::{Category, Result};
use futures::future::BoxFuture;
use llm::{catalog, estimate_tokens, prices::search_price};

use super::{
    BillingContext,
    metered::{Metered, MeteredCall},
};
use crate::App;

impl App {
    /// Returns the places of texts, best first, by a reranking model.
    ///
    /// # Errors
    /// Returns [`domain::Error::Upstream`] `provider_not_configured` for a model of no configured provider that reranks, and
    /// the errors of [`App::generate`].
    pub(crate) fn rerank<'a>(
        &'a self,
        billing: BillingContext,
        model: &'a str,
        question: String,
        texts: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(async move {
            let named = catalog::resolve(model);
            let reranker = self.reranker(&named).await?;
            let price = search_price(named.provider, &named.model);
            let call = MeteredCall {
                billing,
                named,
                category: Category::Retrieval,
                prompt: estimate_tokens(&question) + texts.iter().map(|text| estimate_tokens(text)).sum::<u64>(),
            };
            let found = self.metered(call, async move {
                let found = reranker.rerank(question, texts).await?;
                Ok(Metered {
                    cost_micro_usd: price.map(|price| price.saturating_mul(found.searches)),
                    usage: found.usage,
                    value: found.order,
                })
            });
            Ok(found.await?.value)
        })
    }
}
