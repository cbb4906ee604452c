//! Which model answers a name.

use std::sync::Arc;

use llm::{ChatModel, Local, ModelError, ModelInfo, ModelKind, OpenAiCompatible, TimeLimits};
use model::{Error, Result, Secret};

use crate::App;

/// Name of the built-in model.
const LOCAL: &str = "local";
/// Window assumed of a model that we know nothing about, tokens.
const CONTEXT_TOKENS: u32 = 128_000;

/// The models this process can reach.
pub(crate) struct Models {
    http: reqwest::Client,
}

/// A model that will answer.
pub(crate) struct Chosen {
    pub(crate) model: Arc<dyn ChatModel>,
    /// Its name as its provider knows it.
    pub(crate) name: String,
    /// What was asked for, when that is another model.
    pub(crate) requested: Option<String>,
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

/// The provider a model name belongs to, and the name as the provider knows it.
fn provider(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((provider, rest)) => (provider, rest),
        None if name.starts_with("claude") => ("anthropic", name),
        None if name.starts_with("gemini") => ("gemini", name),
        None => ("openai", name),
    }
}

impl App {
    /// The model behind `name`.
    ///
    /// # Errors
    /// [`Error::Upstream`] `provider_not_configured`, unless this process may fall back to the built-in model.
    pub(crate) async fn model(&self, name: &str) -> Result<Chosen> {
        if name == LOCAL {
            return Ok(Chosen {
                model: Arc::new(Local),
                name: name.to_owned(),
                requested: None,
            });
        }
        let (provider, provider_name) = provider(name);
        let key = if provider == "openai" {
            self.secret("OPENAI_API_KEY").await?
        } else {
            None
        };
        match key {
            Some(key) => Ok(Chosen {
                model: Arc::new(self.openai(provider_name, key)?),
                name: provider_name.to_owned(),
                requested: None,
            }),
            None if self.config.fall_back_to_local_model => Ok(Chosen {
                model: Arc::new(Local),
                name: LOCAL.to_owned(),
                requested: Some(name.to_owned()),
            }),
            None => Err(ModelError::NotConfigured {
                provider: provider.to_owned(),
            }
            .into()),
        }
    }

    fn openai(&self, name: &str, key: Secret) -> Result<OpenAiCompatible> {
        let info = ModelInfo {
            id: name.to_owned().into(),
            provider: "openai".into(),
            kind: ModelKind::Chat,
            generative: true,
            context_tokens: CONTEXT_TOKENS,
        };
        OpenAiCompatible::new(info, &self.config.openai_base_url, key, self.models.http.clone())
            .map_err(Error::internal)
    }
}
