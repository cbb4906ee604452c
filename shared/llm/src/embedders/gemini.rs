//! Gemini's embeddings (<https://ai.google.dev/api/embeddings#method:-models.batchembedcontents>). Responses have no token
//! counts.

use domain::Secret;
use serde::Serialize;

use super::{Embeddings, MaxRequest, TextRole, Vendor, ask, check, vector};
use crate::call::ProviderClient;
use crate::chat::{ModelInfo, Usage};
use crate::{InvalidBaseUrl, ModelError, TimeLimits, estimate_tokens};

/// Texts of one request.
const MAX_TEXTS: usize = 100;
/// Tokens of one request: 20,000, of which the estimate may be short
/// (<https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings#api_limits>).
const MAX_TOKENS: u64 = 15_000;

/// A Gemini embedding model.
#[derive(Debug, Clone)]
pub struct GeminiEmbedder {
    client: ProviderClient,
    role: TextRole,
    dimensions: Option<u32>,
}

#[derive(Serialize)]
struct Body<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    model: &'a str,
    content: Content<'a>,
    task_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u32>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a str,
}

impl GeminiEmbedder {
    /// Creates a model at `base_url`, with the version, as [`crate::Gemini::new`] does; `dimensions` shortens its vectors.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
        (role, dimensions): (TextRole, Option<u32>),
    ) -> Result<Self, InvalidBaseUrl> {
        let operation = format!("{}:batchEmbedContents", info.id);
        let client = ProviderClient::new(info, base_url, &["models", &operation], api_key, http)?;
        Ok(Self {
            client,
            role,
            dimensions,
        })
    }

    /// Returns the model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.client.limits = limits;
        self
    }
}

impl Vendor for GeminiEmbedder {
    async fn ask(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        let model = format!("models/{}", self.client.info.id);
        let task_type = match self.role {
            TextRole::Question => "RETRIEVAL_QUERY",
            TextRole::Passage => "RETRIEVAL_DOCUMENT",
        };
        let requests = texts.iter().map(|text| Request {
            model: &model,
            content: Content { parts: [Part { text }] },
            task_type,
            output_dimensionality: self.dimensions,
        });
        let body = Body {
            requests: requests.collect(),
        };
        let call = self.client.http.post(self.client.endpoint.clone()).json(&body);
        let found = ask(&self.client, call.header("x-goog-api-key", self.client.key())).await?;
        let vectors = found["embeddings"].as_array().into_iter().flatten();
        let vectors = vectors
            .map(|embedding| vector(&embedding["values"]))
            .collect::<Result<Vec<_>, _>>()?;
        check(&vectors, texts.len(), self.dimensions)?;
        let usage = Usage {
            prompt_tokens: texts.iter().map(|text| estimate_tokens(text)).sum(),
            estimated: true,
            ..Usage::default()
        };
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
    use model_double::ModelDouble;
    use serde_json::json;

    use super::*;
    use crate::Embedder as _;
    use crate::testing::{PATIENT, http, info};

    #[tokio::test]
    async fn each_text_is_a_request_with_its_task() {
        let double = ModelDouble::start().await.unwrap();
        let info = info(crate::Provider::Gemini, "gemini-embedding-001");
        let role = (TextRole::Question, Some(8));
        let gemini = GeminiEmbedder::new(
            info,
            &format!("{}/v1beta", double.url()),
            Secret::new("key"),
            http(PATIENT),
            role,
        );
        let found = gemini.unwrap().embed(vec!["one".to_owned()]).await.unwrap();
        assert_eq!(
            (found.vectors.len(), found.vectors[0].len(), found.usage.estimated),
            (1, 8, true)
        );
        let call = double.calls().remove(0);
        assert_eq!(call.path, "/v1beta/models/gemini-embedding-001:batchEmbedContents");
        assert_eq!(call.headers["x-goog-api-key"], "key");
        let request = json!({
            "model": "models/gemini-embedding-001", "content": {"parts": [{"text": "one"}]},
            "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8,
        });
        assert_eq!(call.body, json!({"requests": [request]}));
    }
}
