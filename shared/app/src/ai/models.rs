//! Resolving model names.

use std::{collections::HashMap, sync::Arc};

use domain::{Clock, Error, Result, Secret};
use futures::future::BoxFuture;
use llm::{
    Anthropic, Bedrock, Candidate, ChatModel, CircuitBreakers, FallbackChain, Gemini, InvalidBaseUrl, Local,
    ModelError, ModelInfo, ModelKind, OpenAiCompatible, Provider, Resilient, Signer, TimeLimits,
    catalog::{self, ModelRef},
    prices::{Price, price},
};

use crate::{
    App, BillingContext, Config, auth::signing::Signing, platform::secrets::PROVIDER_KEYS,
    system::operations::ProviderStatus,
};

/// Name of the built-in model.
const LOCAL: &str = "local";
/// Maximum number of fallback models for one call: each adds the time of a failure.
const FALLBACKS: usize = 3;

/// The models available to this process.
pub(crate) struct Models {
    pub(super) http: reqwest::Client,
    pub(super) healths: CircuitBreakers,
    /// Signer for Amazon Bedrock, if configured.
    signer: Option<Arc<dyn Signer>>,
}

/// A resolved model.
pub(crate) struct Chosen {
    pub(crate) model: Arc<dyn ChatModel>,
    /// Its provider.
    pub(crate) provider: Provider,
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
    pub provider: Provider,
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

/// How a model is accessed: the protocol, and what it needs.
pub(super) enum Access {
    /// In this process.
    BuiltIn,
    /// `OpenAI`'s protocol. The key is empty if the server needs none.
    OpenAi { base_url: String, key: Secret },
    /// Azure's form of it.
    Azure { endpoint: String, key: Secret },
    /// Anthropic's protocol.
    Anthropic { key: Secret },
    /// Gemini's protocol.
    Gemini { key: Secret },
    /// Cohere's protocols, of which answers have `OpenAI`'s.
    Cohere { key: Secret },
    /// Amazon Bedrock's protocol, with AWS credentials.
    Bedrock { base_url: String, signer: Arc<dyn Signer> },
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
                    provider: Provider::BuiltIn,
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
        let fallback = (first.provider, &first.name) != (asked.provider, &asked.model);
        let (provider, name_there) = (first.provider, first.name.clone());
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
            let reachable: Vec<_> = self
                .providers()
                .await?
                .into_iter()
                .filter_map(|status| status.configured.then_some(status.provider))
                .collect();
            let known = catalog::known().iter();
            let known =
                known.filter(|known| reachable.contains(&known.provider) && billing.may_ask(known.model).is_ok());
            Ok(known
                .map(|known| ModelView {
                    id: known.model.to_owned(),
                    provider: known.provider,
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
            let is_qualified = catalog::prefix_of(name.trim()).is_some();
            // A known model is in the list if it may be used.
            if !is_qualified || billing.may_ask(name).is_err() || self.access(named.provider).await?.is_none() {
                return Ok(None);
            }
            let (context_tokens, max_output_tokens) = catalog::sizes(named.provider, &named.model);
            Ok(Some(ModelView {
                id: name.trim().to_owned(),
                price: price(named.provider, &named.model, self.clock.now()),
                provider: named.provider,
                aliases: &[],
                context_tokens,
                max_output_tokens,
            }))
        })
    }

    /// Returns all model providers, and whether each is configured.
    pub(crate) async fn providers(&self) -> Result<Vec<ProviderStatus>> {
        let mut providers = Vec::new();
        for provider in Provider::ALL {
            providers.push(ProviderStatus {
                provider: *provider,
                configured: self.access(*provider).await?.is_some(),
            });
        }
        Ok(providers)
    }

    /// Returns the key of a provider, or `None` if it is not set. All keys are in one secret, a JSON object, because
    /// each secret costs $0.40 per month.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] if the secret cannot be read or is not such an object.
    async fn provider_key(&self, provider: Provider) -> Result<Option<Secret>> {
        let Some(name) = provider.key_name() else {
            return Ok(None);
        };
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
    pub(super) async fn access(&self, provider: Provider) -> Result<Option<Access>> {
        let providers = &self.config.providers;
        let key = self.provider_key(provider).await?;
        Ok(match provider {
            Provider::BuiltIn => Some(Access::BuiltIn),
            Provider::OpenAi => key.map(|key| Access::OpenAi {
                base_url: providers.openai.clone(),
                key,
            }),
            Provider::Anthropic => key.map(|key| Access::Anthropic { key }),
            Provider::Gemini => key.map(|key| Access::Gemini { key }),
            Provider::Bedrock => {
                let bedrock = providers.bedrock.as_ref().zip(self.models.signer.clone());
                bedrock.map(|(bedrock, signer)| Access::Bedrock {
                    base_url: bedrock.base_url.clone(),
                    signer,
                })
            }
            Provider::Cohere => key.map(|key| Access::Cohere { key }),
            Provider::Azure => {
                let azure = providers.azure.clone().zip(key);
                azure.map(|(endpoint, key)| Access::Azure { endpoint, key })
            }
            // Self-hosted servers usually need no key.
            Provider::Compatible => providers.compatible.clone().map(|base_url| Access::OpenAi {
                base_url,
                key: key.unwrap_or_else(|| Secret::new("")),
            }),
        })
    }

    /// Returns the client for a model, or `None` if its provider is not configured.
    async fn link(&self, named: ModelRef) -> Result<Option<Candidate>> {
        let Some(access) = self.access(named.provider).await? else {
            return Ok(None);
        };
        let model = self.adapter(&named, access).map_err(Error::internal)?;
        Ok(Some(self.link_to(named, model)))
    }

    fn link_to(&self, named: ModelRef, model: Arc<dyn ChatModel>) -> Candidate {
        let (context_tokens, max_output_tokens) = catalog::sizes(named.provider, &named.model);
        Candidate {
            first_token: self.config.answers.profiles.of(&named.model).limits.first_token,
            provider: named.provider,
            name: named.model,
            context_tokens,
            max_output_tokens,
            model,
        }
    }

    fn adapter(&self, named: &ModelRef, access: Access) -> Result<Arc<dyn ChatModel>, InvalidBaseUrl> {
        let (providers, info, http) = (&self.config.providers, info(named), self.models.http.clone());
        let limits = self.config.answers.profiles.of(&named.model).limits;
        let model: Arc<dyn ChatModel> = match access {
            Access::BuiltIn => return Ok(Arc::new(Local)),
            Access::OpenAi { base_url, key } => {
                Arc::new(OpenAiCompatible::new(info, &base_url, key, http)?.with_limits(limits))
            }
            Access::Azure { endpoint, key } => {
                let version = &providers.azure_api_version;
                Arc::new(OpenAiCompatible::azure(info, &endpoint, version, key, http)?.with_limits(limits))
            }
            Access::Anthropic { key } => {
                Arc::new(Anthropic::new(info, &providers.anthropic, key, http)?.with_limits(limits))
            }
            Access::Cohere { key } => {
                // <https://docs.cohere.com/docs/compatibility-api>
                let base_url = format!("{}/compatibility/v1", providers.cohere.trim_end_matches('/'));
                Arc::new(OpenAiCompatible::new(info, &base_url, key, http)?.with_limits(limits))
            }
            Access::Gemini { key } => Arc::new(Gemini::new(info, &providers.gemini, key, http)?.with_limits(limits)),
            Access::Bedrock { base_url, signer } => {
                Arc::new(Bedrock::new(info, &base_url, signer, http)?.with_limits(limits))
            }
        };
        let health = self.models.healths.of(named.provider, &named.model);
        Ok(Arc::new(Resilient::new(model, health, limits)))
    }
}

pub(super) fn info(named: &ModelRef) -> ModelInfo {
    ModelInfo {
        id: named.model.clone().into(),
        provider: named.provider,
        kind: ModelKind::Chat,
        generative: true,
        context_tokens: catalog::sizes(named.provider, &named.model).0,
    }
}
