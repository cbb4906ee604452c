//! Resolving model names.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use domain::{Clock, Error, Result, Secret};
use futures::future::BoxFuture;
use llm::{
    Anthropic, Bedrock, Candidate, ChatModel, CircuitBreakers, Embedder, FallbackChain, Gemini, InvalidBaseUrl, Local,
    ModelError, ModelInfo, ModelKind, OpenAiCompatible, OpenAiEmbedder, Resilient, ResilientEmbedder, Signer,
    TimeLimits,
    catalog::{self, BUILT_IN, ModelRef, PROVIDERS},
    prices::{Price, price},
};

use crate::{
    App, BillingContext, Config, auth::signing::Signing, platform::secrets::PROVIDER_KEYS, system::operations::Provider,
};

/// Name of the built-in model.
const LOCAL: &str = "local";
/// Maximum number of fallback models for one call: each adds the time of a failure.
const FALLBACKS: usize = 3;

/// The models available to this process.
pub(crate) struct Models {
    http: reqwest::Client,
    healths: CircuitBreakers,
    /// Signer for Amazon Bedrock, if configured.
    signer: Option<Arc<dyn Signer>>,
}

/// A resolved model.
pub(crate) struct Chosen {
    pub(crate) model: Arc<dyn ChatModel>,
    /// Its provider.
    pub(crate) provider: String,
    /// Its name at its provider.
    pub(crate) name: String,
    /// The requested model, if a different one was chosen.
    pub(crate) requested: Option<String>,
    /// Whether it replaces the requested model. While answering it may still hand over to another one, which
    /// [`llm::ChatEvent::Answering`] reports.
    pub(crate) fallback: bool,
    /// Maximum length of request and answer together, in tokens.
    pub(crate) context_tokens: u32,
    /// Maximum answer length, in tokens.
    pub(crate) max_output_tokens: u32,
    /// Tokens that it or its fallback needs for reasoning before answering.
    pub(crate) thinking_tokens: u32,
}

/// A model as listed.
#[derive(Debug, Clone)]
pub struct ModelView {
    /// The name used in requests.
    pub id: String,
    /// Its provider.
    pub provider: Cow<'static, str>,
    /// Its aliases.
    pub aliases: &'static [&'static str],
    /// Maximum length of request and answer together, in tokens.
    pub context_tokens: u32,
    /// Maximum answer length, in tokens.
    pub max_output_tokens: u32,
    /// Its current price, if known.
    pub price: Option<Price>,
}

impl ModelView {
    /// Returns whether `name` is its name or an alias, with or without its provider as a prefix.
    pub fn is_called(&self, name: &str) -> bool {
        let named = catalog::resolve(name);
        named.provider == self.provider && named.model == self.id
    }
}

/// How a provider is accessed.
enum Access {
    /// With an API key; empty if it needs none.
    Key(Secret),
    /// With AWS credentials.
    Signed(Arc<dyn Signer>),
}

/// Creates an HTTP client with timeouts.
pub(crate) fn http_client() -> Result<reqwest::Client> {
    TimeLimits::default().http_client().map_err(Error::internal)
}

impl Models {
    pub(crate) fn new(sdk: &aws_types::SdkConfig, http: reqwest::Client, config: &Config, clock: &Clock) -> Self {
        let signer = config.providers.bedrock.as_ref().map(|bedrock| {
            let signing = Signing::new(sdk, "bedrock", bedrock.region.clone(), clock.clone());
            Arc::new(signing) as Arc<dyn Signer>
        });
        Self {
            http,
            healths: CircuitBreakers::new(clock.clone()),
            signer,
        }
    }
}

impl App {
    /// Returns the model called `name`, which may be an alias. If its provider is not configured or fails before the
    /// first token, the models of `fallbacks` answer, in their order.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] `provider_not_configured`, unless this process may fall back to the built-in model.
    pub(crate) async fn model(&self, name: &str, fallbacks: &[String]) -> Result<Chosen> {
        let asked = catalog::resolve(name);
        let mut names = vec![asked.clone()];
        for fallback in fallbacks.iter().map(|name| catalog::resolve(name)).take(FALLBACKS) {
            if !names.contains(&fallback) {
                names.push(fallback);
            }
        }
        let mut links = Vec::with_capacity(names.len());
        for named in names {
            links.extend(self.link(named).await?);
        }
        if links.is_empty() && self.config.fall_back_to_local_model {
            links.push(self.link_to(
                ModelRef {
                    provider: BUILT_IN.to_owned(),
                    model: LOCAL.to_owned(),
                },
                Arc::new(Local),
            ));
        }
        let thinking = links
            .iter()
            .map(|link| self.config.answers.profiles.of(&link.name).thinking_tokens)
            .max();
        let mut links = links.into_iter();
        let Some(first) = links.next() else {
            let provider = asked.provider;
            return Err(ModelError::NotConfigured { provider }.into());
        };
        let fallback = (first.provider.as_ref(), &first.name) != (asked.provider.as_str(), &asked.model);
        let (provider, name_there) = (first.provider.clone().into_owned(), first.name.clone());
        let (context_tokens, max_output_tokens) = (first.context_tokens, first.max_output_tokens);
        let model = match links.as_slice() {
            [] => first.model,
            rest => Arc::new(FallbackChain::new(first, rest.to_vec())),
        };
        Ok(Chosen {
            model,
            provider,
            name: name_there,
            requested: fallback.then(|| name.to_owned()),
            fallback,
            context_tokens,
            max_output_tokens,
            thinking_tokens: thinking.unwrap_or_default(),
        })
    }

    /// Returns the models that this deployment can access and `billing` may use, as far as their names are known; other
    /// names work as well.
    pub fn models<'a>(&'a self, billing: &'a BillingContext) -> BoxFuture<'a, Result<Vec<ModelView>>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut reachable = vec![BUILT_IN];
            reachable.extend(
                self.providers()
                    .await?
                    .iter()
                    .filter(|found| found.configured)
                    .map(|found| found.name),
            );
            let known = catalog::known().iter();
            let known =
                known.filter(|known| reachable.contains(&known.provider) && billing.may_ask(known.model).is_ok());
            Ok(known
                .map(|known| ModelView {
                    id: known.model.to_owned(),
                    provider: known.provider.into(),
                    aliases: &known.aliases,
                    context_tokens: known.context_tokens,
                    max_output_tokens: known.max_output_tokens,
                    price: price(known.provider, known.model, now),
                })
                .collect())
        })
    }

    /// Returns the model of this name: one of [`App::models`], or any with a configured provider as its prefix, because
    /// that provider may offer models that are not known here.
    pub fn model_called<'a>(
        &'a self,
        billing: &'a BillingContext,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<ModelView>>> {
        Box::pin(async move {
            let listed = self.models(billing).await?;
            if let Some(model) = listed.into_iter().find(|model| model.is_called(name)) {
                return Ok(Some(model));
            }
            let named = catalog::resolve(name);
            let is_qualified = name
                .trim()
                .split_once('/')
                .is_some_and(|(provider, _)| provider == named.provider && PROVIDERS.contains(&provider));
            // A known model is in the list if it may be used.
            if !is_qualified || billing.may_ask(name).is_err() || self.access(&named.provider).await?.is_none() {
                return Ok(None);
            }
            let (context_tokens, max_output_tokens) = catalog::sizes(&named.provider, &named.model);
            Ok(Some(ModelView {
                id: name.trim().to_owned(),
                price: price(&named.provider, &named.model, self.clock.now()),
                provider: named.provider.into(),
                aliases: &[],
                context_tokens,
                max_output_tokens,
            }))
        })
    }

    /// Returns the embedding client: an embedding model of `openai`, Azure excepted, or of a compatible server.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] `provider_not_configured`, or [`Error::Invalid`] at `/model` for the built-in model,
    /// which has no embeddings, so that a retry would not help.
    pub(crate) async fn embedder(&self, named: &ModelRef, dimensions: Option<u32>) -> Result<Arc<dyn Embedder>> {
        if named.provider == "parlance" {
            let detail = "cannot create embeddings; name a model that does, such as text-embedding-3-small";
            return Err(Error::invalid("/model", detail));
        }
        let providers = &self.config.providers;
        let base_url = match named.provider.as_str() {
            "openai" => Some(providers.openai.as_str()),
            "compatible" => providers.compatible.as_deref(),
            _ => None,
        };
        match (base_url, self.access(&named.provider).await?) {
            (Some(base_url), Some(Access::Key(key))) => {
                let http = self.models.http.clone();
                let model = OpenAiEmbedder::new(info(named), base_url, key, http, dimensions);
                let model = Arc::new(model.map_err(Error::internal)?);
                let health = self.models.healths.of(&named.provider, &named.model);
                let limits = self.config.answers.profiles.of(&named.model).limits;
                Ok(Arc::new(ResilientEmbedder::new(model, health, limits)))
            }
            _ => Err(ModelError::NotConfigured {
                provider: named.provider.clone(),
            }
            .into()),
        }
    }

    /// Returns all model providers, and whether each is configured.
    pub(crate) async fn providers(&self) -> Result<Vec<Provider>> {
        let mut providers = vec![Provider {
            name: LOCAL,
            configured: true,
        }];
        for name in PROVIDERS {
            let configured = self.access(name).await?.is_some();
            providers.push(Provider { name, configured });
        }
        Ok(providers)
    }

    /// Returns the key of a provider, or `None` if it is not set. All keys are in one secret, a JSON object, because
    /// each secret costs $0.40 per month.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] if the secret cannot be read or is not such an object.
    async fn provider_key(&self, name: &str) -> Result<Option<Secret>> {
        let Some(keys) = self.secret(PROVIDER_KEYS).await? else {
            return Ok(None);
        };
        // The parse error may quote part of the secret and is not reported.
        let keys: HashMap<String, String> = serde_json::from_str(keys.expose())
            .map_err(|_| Error::unavailable(format!("the secret {PROVIDER_KEYS} is not a JSON object of strings")))?;
        let key = keys.get(name).map(|key| key.trim()).filter(|key| !key.is_empty());
        Ok(key.map(Secret::new))
    }

    /// Returns how a provider is accessed, or `None` if it is not configured.
    async fn access(&self, provider: &str) -> Result<Option<Access>> {
        let providers = &self.config.providers;
        let key = match provider {
            "openai" => self.provider_key("OPENAI_API_KEY").await?,
            "anthropic" => self.provider_key("ANTHROPIC_API_KEY").await?,
            "gemini" => self.provider_key("GEMINI_API_KEY").await?,
            "azure" if providers.azure.is_some() => self.provider_key("AZURE_OPENAI_API_KEY").await?,
            // Self-hosted servers usually need no key.
            "compatible" if providers.compatible.is_some() => {
                let key = self.provider_key("OPENAI_COMPATIBLE_API_KEY").await?;
                Some(key.unwrap_or_else(|| Secret::new("")))
            }
            "bedrock" => return Ok(self.models.signer.clone().map(Access::Signed)),
            _ => None,
        };
        Ok(key.map(Access::Key))
    }

    /// Returns the client for a model, or `None` if its provider is not configured.
    async fn link(&self, named: ModelRef) -> Result<Option<Candidate>> {
        if named.provider == BUILT_IN {
            return Ok(Some(self.link_to(named, Arc::new(Local))));
        }
        let Some(access) = self.access(&named.provider).await? else {
            return Ok(None);
        };
        let Some(model) = self.adapter(&named, access).map_err(Error::internal)? else {
            return Ok(None);
        };
        let health = self.models.healths.of(&named.provider, &named.model);
        let limits = self.config.answers.profiles.of(&named.model).limits;
        let model = Resilient::new(model, health, limits);
        Ok(Some(self.link_to(named, Arc::new(model))))
    }

    fn link_to(&self, named: ModelRef, model: Arc<dyn ChatModel>) -> Candidate {
        let (context_tokens, max_output_tokens) = catalog::sizes(&named.provider, &named.model);
        Candidate {
            first_token: self.config.answers.profiles.of(&named.model).limits.first_token,
            provider: named.provider.into(),
            name: named.model,
            context_tokens,
            max_output_tokens,
            model,
        }
    }

    fn adapter(&self, named: &ModelRef, access: Access) -> Result<Option<Arc<dyn ChatModel>>, InvalidBaseUrl> {
        let (providers, info, http) = (&self.config.providers, info(named), self.models.http.clone());
        let limits = self.config.answers.profiles.of(&named.model).limits;
        let model: Arc<dyn ChatModel> = match (named.provider.as_str(), access) {
            ("openai", Access::Key(key)) => {
                Arc::new(OpenAiCompatible::new(info, &providers.openai, key, http)?.with_limits(limits))
            }
            ("anthropic", Access::Key(key)) => {
                Arc::new(Anthropic::new(info, &providers.anthropic, key, http)?.with_limits(limits))
            }
            ("gemini", Access::Key(key)) => {
                Arc::new(Gemini::new(info, &providers.gemini, key, http)?.with_limits(limits))
            }
            ("azure", Access::Key(key)) => {
                let endpoint = providers.azure.as_deref().unwrap_or_default();
                let version = &providers.azure_api_version;
                Arc::new(OpenAiCompatible::azure(info, endpoint, version, key, http)?.with_limits(limits))
            }
            ("compatible", Access::Key(key)) => {
                let base_url = providers.compatible.as_deref().unwrap_or_default();
                Arc::new(OpenAiCompatible::new(info, base_url, key, http)?.with_limits(limits))
            }
            ("bedrock", Access::Signed(signer)) => {
                let base_url = providers.bedrock.as_ref().map_or("", |bedrock| &bedrock.base_url);
                Arc::new(Bedrock::new(info, base_url, signer, http)?.with_limits(limits))
            }
            _ => return Ok(None),
        };
        Ok(Some(model))
    }
}

fn info(named: &ModelRef) -> ModelInfo {
    ModelInfo {
        id: named.model.clone().into(),
        provider: named.provider.clone().into(),
        kind: ModelKind::Chat,
        generative: true,
        context_tokens: catalog::sizes(&named.provider, &named.model).0,
    }
}
