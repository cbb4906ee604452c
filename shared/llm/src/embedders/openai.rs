//! Embeddings (<https://platform.openai.com/docs/api-reference/embeddings>).

use domain::Secret;
use serde::Serialize;

use super::{Embeddings, MaxRequest, Vendor, ask, check, malformed};
use crate::call::ProviderClient;
use crate::chat::ModelInfo;
use crate::lenient::{CallEstimate, counts};
use crate::{InvalidBaseUrl, ModelError, TimeLimits, estimate_tokens};

/// Texts of one request.
const MAX_TEXTS: usize = 2_048;
/// Tokens of one request: 300,000, of which the estimate may be short. Azure and other servers take less than that, but
/// say nothing of it.
const MAX_TOKENS: u64 = 200_000;

/// An embedding model behind an `OpenAI`-compatible API.
#[derive(Debug, Clone)]
pub struct OpenAiEmbedder {
    client: ProviderClient,
    dimensions: Option<u32>,
    is_azure: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

impl OpenAiEmbedder {
    /// Creates a model at `base_url`, as [`crate::OpenAiCompatible::new`] does; `dimensions` shortens its vectors if
    /// the model supports that.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
        dimensions: Option<u32>,
    ) -> Result<Self, InvalidBaseUrl> {
        let client = ProviderClient::new(info, base_url, &["embeddings"], api_key, http)?;
        Ok(Self {
            client,
            dimensions,
            is_azure: false,
        })
    }

    /// Creates the model of a deployment on Azure, as [`crate::OpenAiCompatible::azure`] does.
    pub fn azure(
        info: ModelInfo,
        endpoint: &str,
        api_version: &str,
        api_key: Secret,
        http: reqwest::Client,
        dimensions: Option<u32>,
    ) -> Result<Self, InvalidBaseUrl> {
        let deployment = info.id.clone();
        let path = ["openai", "deployments", &deployment, "embeddings"];
        let mut client = ProviderClient::new(info, endpoint, &path, api_key, http)?;
        client
            .endpoint
            .query_pairs_mut()
            .append_pair("api-version", api_version);
        Ok(Self {
            client,
            dimensions,
            is_azure: true,
        })
    }

    /// Returns the model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.client.limits = limits;
        self
    }
}

impl Vendor for OpenAiEmbedder {
    async fn ask(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        let body = Body {
            model: &self.client.info.id,
            input: texts,
            encoding_format: "float",
            dimensions: self.dimensions,
        };
        let mut call = self.client.http.post(self.client.endpoint.clone()).json(&body);
        let key = self.client.key();
        if self.is_azure {
            call = call.header("api-key", key);
        } else if !key.is_empty() {
            call = call.bearer_auth(key);
        }
        let found = ask(&self.client, call).await?;
        let mut vectors = vec![Vec::new(); texts.len()];
        for (place, vector) in found["data"].as_array().into_iter().flatten().enumerate() {
            let index = vector["index"].as_u64().and_then(|index| usize::try_from(index).ok());
            let target = vectors.get_mut(index.unwrap_or(place));
            let target = target.ok_or_else(|| malformed("a vector for no text"))?;
            *target = super::vector(&vector["embedding"])?;
        }
        check(&vectors, texts.len(), None)?;
        let estimate = texts.iter().map(|text| estimate_tokens(text)).sum();
        let usage = counts(&found["usage"]).usage(CallEstimate::of_prompt(estimate));
        Ok(Embeddings { vectors, usage })
    }

    fn max_request(&self) -> MaxRequest {
        MaxRequest {
            texts: MAX_TEXTS,
            tokens: MAX_TOKENS,
        }
    }
}

#[cfg(test)]
mod tests {
    use model_double::{KEY, ModelDouble, Script};
    use serde_json::json;

    use super::*;
    use crate::Embedder as _;
    use crate::testing::{PATIENT, counted, http, info};

    fn embedder(base_url: &str) -> OpenAiEmbedder {
        let info = info(crate::Provider::OpenAi, "text-embedding-3-small");
        OpenAiEmbedder::new(info, base_url, Secret::new(KEY), http(PATIENT), Some(8)).unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn every_text_has_its_vector_and_the_tokens_are_the_providers() {
        let double = ModelDouble::start().await.unwrap();
        let found = embedder(&format!("{}/v1", double.url()))
            .embed(texts(&["one", "two!", "one"]))
            .await
            .unwrap();
        assert_eq!(found.vectors.len(), 3);
        assert!(found.vectors[0] == found.vectors[2] && found.vectors[0] != found.vectors[1]);
        assert_eq!(found.usage, counted(double.totals().prompt_tokens, 0));
        let call = double.calls().remove(0);
        assert_eq!(
            (call.path.as_str(), &call.headers["authorization"]),
            ("/v1/embeddings", &format!("Bearer {KEY}"))
        );
        let input = json!(["one", "two!", "one"]);
        let body =
            json!({"model": "text-embedding-3-small", "input": input, "encoding_format": "float", "dimensions": 8});
        assert_eq!(call.body, body);
    }

    #[tokio::test]
    async fn nothing_to_embed_asks_nobody_and_a_refusal_is_told() {
        let double = ModelDouble::start().await.unwrap();
        assert_eq!(
            embedder(&double.url()).embed(Vec::new()).await.unwrap().vectors.len(),
            0
        );
        assert_eq!(double.totals().calls, 0);
        double.next(Script::refuse(429, "insufficient_quota"));
        let error = embedder(&double.url()).embed(texts(&["a"])).await.unwrap_err();
        assert!(matches!(error, ModelError::QuotaExhausted { .. }), "{error:?}");
    }
}
