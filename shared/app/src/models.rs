//! Which model answers a name.

use std::{borrow::Cow, sync::Arc};

use futures::future::BoxFuture;
use llm::{
    ChatModel, Local, ModelError, ModelInfo, ModelKind, OpenAiCompatible, TimeLimits,
    catalog::{self, BUILT_IN, Named},
    prices::{Price, price},
};
use model::{Error, Result};

use crate::App;

/// Name of the built-in model.
const LOCAL: &str = "local";

/// The models this process can reach.
pub(crate) struct Models {
    http: reqwest::Client,
}

/// A model that will answer.
pub(crate) struct Chosen {
    pub(crate) model: Arc<dyn ChatModel>,
    /// Who runs it.
    pub(crate) provider: String,
    /// Its name as its provider knows it.
    pub(crate) name: String,
    /// What was asked for, when that is another model.
    pub(crate) requested: Option<String>,
    /// Whether it stands in for the one that was asked for. It may still hand over to another one while it answers,
    /// which it says with [`llm::ChatEvent::Answering`].
    pub(crate) fallback: bool,
    /// The longest request and answer together, in tokens.
    pub(crate) context_tokens: u32,
    /// The longest answer, in tokens.
    pub(crate) max_output_tokens: u32,
}

/// A model as it is listed.
#[derive(Debug, Clone)]
pub struct ModelView {
    /// The name requests use.
    pub id: String,
    /// Who runs it.
    pub provider: Cow<'static, str>,
    /// Other names it goes by.
    pub aliases: &'static [&'static str],
    /// The longest request and answer together, in tokens.
    pub context_tokens: u32,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// What it costs now, where that is known.
    pub price: Option<Price>,
}

/// A client with time limits.
pub(crate) fn http_client() -> Result<reqwest::Client> {
    TimeLimits::default().http_client().map_err(Error::internal)
}

impl Models {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { http: http_client()? })
    }
}

impl App {
    /// The model behind `name`, which may be an alias. When its provider is not configured, or fails before the first
    /// word, the models of `fallbacks` answer in their order.
    ///
    /// # Errors
    /// [`Error::Upstream`] `provider_not_configured`, unless this process may fall back to the built-in model.
    pub(crate) async fn model(&self, name: &str, fallbacks: &[String]) -> Result<Chosen> {
        let asked = catalog::resolve(name);
        for (place, named) in [&asked]
            .into_iter()
            .cloned()
            .chain(fallbacks.iter().map(|name| catalog::resolve(name)))
            .enumerate()
        {
            if let Some(model) = self.adapter(&named).await? {
                let requested = (place > 0).then(|| name.to_owned());
                return Ok(Chosen::new(model, named, requested));
            }
        }
        if self.config.fall_back_to_local_model {
            return Ok(Chosen::new(Arc::new(Local), built_in(), Some(name.to_owned())));
        }
        Err(ModelError::NotConfigured {
            provider: asked.provider,
        }
        .into())
    }

    /// The models that this deployment can reach, as far as we know their names: other names work as well.
    pub fn models(&self) -> BoxFuture<'_, Result<Vec<ModelView>>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut reachable = vec![BUILT_IN];
            if self.secret("OPENAI_API_KEY").await?.is_some() {
                reachable.push("openai");
            }
            let known = catalog::known().iter();
            let known = known.filter(|known| reachable.contains(&known.provider));
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

    /// What talks to a model; none when its provider is not configured.
    async fn adapter(&self, named: &Named) -> Result<Option<Arc<dyn ChatModel>>> {
        if named.provider == BUILT_IN {
            return Ok(Some(Arc::new(Local)));
        }
        let key = match named.provider.as_str() {
            "openai" => self.secret("OPENAI_API_KEY").await?,
            _ => None,
        };
        let Some(key) = key else {
            return Ok(None);
        };
        let (context_tokens, _) = catalog::sizes(&named.provider, &named.model);
        let info = ModelInfo {
            id: named.model.clone().into(),
            provider: named.provider.clone().into(),
            kind: ModelKind::Chat,
            generative: true,
            context_tokens,
        };
        let http = self.models.http.clone();
        let model = OpenAiCompatible::new(info, &self.config.providers.openai, key, http).map_err(Error::internal)?;
        Ok(Some(Arc::new(model)))
    }
}

fn built_in() -> Named {
    Named {
        provider: BUILT_IN.to_owned(),
        model: LOCAL.to_owned(),
    }
}

impl Chosen {
    fn new(model: Arc<dyn ChatModel>, named: Named, requested: Option<String>) -> Self {
        let (context_tokens, max_output_tokens) = catalog::sizes(&named.provider, &named.model);
        Self {
            model,
            provider: named.provider,
            name: named.model,
            fallback: requested.is_some(),
            requested,
            context_tokens,
            max_output_tokens,
        }
    }
}
