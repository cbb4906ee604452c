//! Embedding and reranking models of providers.

use std::sync::Arc;

use domain::{Error, Result};
use llm::{
    BedrockEmbedder, BedrockReranker, CohereEmbedder, CohereReranker, Embedder, GeminiEmbedder, GuardedReranker,
    InvalidBaseUrl, ModelError, OpenAiEmbedder, Provider, Reranker, ResilientEmbedder, TextRole, TimeLimits,
    catalog::{self, ModelRef},
};

use super::models::{Access, info};
use crate::App;

impl App {
    /// Returns whether the built-in model answers when `name` is requested.
    pub(crate) async fn is_answered_by_local_model(&self, name: &str) -> Result<bool> {
        let provider = catalog::resolve(name).provider;
        if provider == Provider::BuiltIn {
            return Ok(true);
        }
        Ok(self.config.fall_back_to_local_model && self.access(provider).await?.is_none())
    }

    /// Returns the embedding client for texts of a role, and for vectors of a length if the model can shorten them.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] `provider_not_configured`, or [`Error::Invalid`] at `/model` for a provider that has no
    /// embeddings, so that a retry would not help.
    pub(crate) async fn embedder(
        &self,
        named: &ModelRef,
        (role, dimensions): (TextRole, Option<u32>),
    ) -> Result<Arc<dyn Embedder>> {
        if matches!(named.provider, Provider::BuiltIn | Provider::Anthropic) {
            let detail = "cannot create embeddings; name a model that does, such as text-embedding-3-small";
            return Err(Error::invalid("/model", detail));
        }
        let provider = named.provider;
        let access = self
            .access(provider)
            .await?
            .ok_or(ModelError::NotConfigured { provider })?;
        let limits = self.config.answers.profiles.of(&named.model).limits;
        let model = self.embedding_adapter(named, access, (role, dimensions), limits);
        let health = self.models.healths.of(provider, &named.model);
        Ok(Arc::new(ResilientEmbedder::new(
            model.map_err(Error::internal)?,
            health,
            limits,
        )))
    }

    /// Returns the client for a reranking model.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] `provider_not_configured`, also for a provider that has no such models.
    pub(crate) async fn reranker(&self, named: &ModelRef) -> Result<Arc<dyn Reranker>> {
        let (provider, model) = (named.provider, named.model.as_str());
        let access = self.access(provider).await?;
        let access = access.ok_or(ModelError::NotConfigured { provider })?;
        let limits = self.config.answers.profiles.of(model).limits;
        let (info, http) = (info(named), self.models.http.clone());
        let reranker: Arc<dyn Reranker> = match access {
            Access::Cohere { key } => {
                let model = CohereReranker::new(info, &self.config.providers.cohere, key, http);
                Arc::new(model.map_err(Error::internal)?.with_limits(limits))
            }
            Access::Bedrock { base_url, signer } => {
                let model = BedrockReranker::new(info, &base_url, signer, http);
                Arc::new(model.map_err(Error::internal)?.with_limits(limits))
            }
            _ => return Err(ModelError::NotConfigured { provider }.into()),
        };
        let health = self.models.healths.of(provider, model);
        Ok(Arc::new(GuardedReranker::new(reranker, health)))
    }

    fn embedding_adapter(
        &self,
        named: &ModelRef,
        access: Access,
        (role, dimensions): (TextRole, Option<u32>),
        limits: TimeLimits,
    ) -> Result<Arc<dyn Embedder>, InvalidBaseUrl> {
        let (providers, info, http) = (&self.config.providers, info(named), self.models.http.clone());
        Ok(match access {
            Access::OpenAi { base_url, key } => {
                Arc::new(OpenAiEmbedder::new(info, &base_url, key, http, dimensions)?.with_limits(limits))
            }
            Access::Azure { endpoint, key } => {
                let version = &providers.azure_api_version;
                Arc::new(OpenAiEmbedder::azure(info, &endpoint, version, key, http, dimensions)?.with_limits(limits))
            }
            Access::Gemini { key } => {
                let model = GeminiEmbedder::new(info, &providers.gemini, key, http, (role, dimensions))?;
                Arc::new(model.with_limits(limits))
            }
            Access::Cohere { key } => {
                let model = CohereEmbedder::new(info, &providers.cohere, key, http, (role, dimensions))?;
                Arc::new(model.with_limits(limits))
            }
            Access::Bedrock { base_url, signer } => {
                let model = BedrockEmbedder::new(info, &base_url, signer, http, (role, dimensions))?;
                Arc::new(model.with_limits(limits))
            }
            Access::BuiltIn | Access::Anthropic { .. } => return Err(InvalidBaseUrl),
        })
    }
}

/// Returns whether a model can rerank, as far as its name tells.
pub fn is_reranker(model: &str) -> bool {
    let named = catalog::resolve(model);
    matches!(named.provider, Provider::Cohere | Provider::Bedrock) && named.model.contains("rerank")
}
