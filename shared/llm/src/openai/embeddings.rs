//! Embeddings (<https://platform.openai.com/docs/api-reference/embeddings>).

use domain::Secret;
use futures::{FutureExt as _, future::BoxFuture};
use serde::Serialize;
use serde_json::Value;

use crate::call::{ErrorBody, ProviderClient};
use crate::chat::{ModelInfo, Usage};
use crate::lenient::{CallEstimate, counts, failure};
use crate::{InvalidBaseUrl, ModelError, TimeLimit, estimate_tokens};

/// Turns texts into vectors.
pub trait Embedder: Send + Sync {
    /// Returns one vector for each text, in order.
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Embeddings, ModelError>>;
}

/// Vectors, and the tokens they used.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One for each text.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read; none are generated.
    pub usage: Usage,
}

/// An embedding model behind an `OpenAI`-compatible API.
#[derive(Debug, Clone)]
pub struct OpenAiEmbedder {
    client: ProviderClient,
    dimensions: Option<u32>,
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
        Ok(Self { client, dimensions })
    }

    async fn ask(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        let body = Body {
            model: &self.client.info.id,
            input: texts,
            encoding_format: "float",
            dimensions: self.dimensions,
        };
        let mut call = self.client.http.post(self.client.endpoint.clone()).json(&body);
        if !self.client.key().is_empty() {
            call = call.bearer_auth(self.client.key());
        }
        let response = self.client.send(call).await?;
        if !response.status().is_success() {
            return Err(self.client.refusal(response).await);
        }
        let malformed = |detail: String| ModelError::Malformed { detail };
        let body = response.bytes().await.map_err(|_| ModelError::Cut)?;
        let found = read(&body).map_err(|error| malformed(error.to_string()))?;
        if found["data"].is_null()
            && let Some(failure) = failure(&found)
        {
            return Err(ErrorBody::of(failure).into_error(200, self.client.key()));
        }
        let mut vectors = vec![Vec::new(); texts.len()];
        for (place, vector) in found["data"].as_array().into_iter().flatten().enumerate() {
            let index = vector["index"].as_u64().and_then(|index| usize::try_from(index).ok());
            let target = vectors.get_mut(index.unwrap_or(place));
            let target = target.ok_or_else(|| malformed("a vector for no text".to_owned()))?;
            let numbers = vector["embedding"].as_array().into_iter().flatten();
            let numbers: Option<Vec<f32>> = numbers.map(number).collect();
            *target = numbers.ok_or_else(|| malformed("a vector is not of numbers".to_owned()))?;
        }
        if vectors.iter().any(Vec::is_empty) {
            return Err(malformed("a text has no vector".to_owned()));
        }
        // A number too large for its type is infinite, which JSON cannot express.
        if !vectors.iter().flatten().all(|number| number.is_finite()) {
            return Err(malformed("a vector is not finite".to_owned()));
        }
        let estimate = texts.iter().map(|text| estimate_tokens(text)).sum();
        let usage = counts(&found["usage"]).usage(CallEstimate::of_prompt(estimate));
        Ok(Embeddings { vectors, usage })
    }
}

/// Reads a response, which some gateways wrap in an event of a stream.
fn read(body: &[u8]) -> serde_json::Result<Value> {
    let event = || {
        let lines = std::str::from_utf8(body).ok()?.lines();
        lines
            .filter_map(|line| line.strip_prefix("data:"))
            .find_map(|data| serde_json::from_str(data).ok())
    };
    serde_json::from_slice(body).or_else(|error| event().ok_or(error))
}

/// Converts a number of a vector; one that is too large becomes infinite and is refused later.
#[expect(
    clippy::cast_possible_truncation,
    reason = "vectors have the precision of their models"
)]
fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32)
}

impl Embedder for OpenAiEmbedder {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Embeddings, ModelError>> {
        let embedder = self.clone();
        async move {
            if texts.is_empty() {
                return Ok(Embeddings {
                    vectors: Vec::new(),
                    usage: Usage::default(),
                });
            }
            // Nothing is streamed: the first token is the whole answer.
            let limit = embedder.client.limits.first_token;
            let answer = tokio::time::timeout(limit, embedder.ask(&texts)).await;
            answer.unwrap_or(Err(ModelError::TimedOut {
                what: TimeLimit::FirstToken,
            }))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use model_double::{KEY, ModelDouble, Script};
    use serde_json::json;

    use super::*;
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

    #[test]
    fn an_answer_in_an_event_is_read_like_one() {
        for body in [r#"{"data":[]}"#, "data: {\"data\":[]}\n\ndata: [DONE]\n\n"] {
            assert_eq!(read(body.as_bytes()).unwrap(), json!({"data": []}), "{body}");
        }
        assert!(read(b"data: nothing").is_err() && read(b"").is_err());
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
