//! Cohere's embeddings (<https://docs.cohere.com/reference/embed>), and what Bedrock's form of them has in common.

use domain::Secret;
use serde::Serialize;
use serde_json::Value;

use super::{Embeddings, MaxRequest, TextRole, Vendor, ask, check, vector};
use crate::call::ProviderClient;
use crate::chat::{ModelInfo, Usage};
use crate::{InvalidBaseUrl, ModelError, TimeLimits, estimate_tokens};

/// Texts of one request.
pub(super) const MAX_TEXTS: usize = 96;
/// Tokens of one request: the context of the fourth version, 128,000, of which the estimate may be short.
pub(super) const MAX_TOKENS: u64 = 100_000;

/// An embedding model of Cohere.
#[derive(Debug, Clone)]
pub struct CohereEmbedder {
    client: ProviderClient,
    role: TextRole,
    dimensions: Option<u32>,
}

/// A request, whose model Bedrock has in its path.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    texts: &'a [String],
    input_type: &'static str,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u32>,
    truncate: &'static str,
}

impl<'a> Body<'a> {
    /// `truncate`: the end of a text that is cut off if it is too long, in the words of the model.
    pub(super) fn new(texts: &'a [String], role: TextRole, dimensions: Option<u32>, truncate: &'static str) -> Self {
        Self {
            model: None,
            texts,
            input_type: match role {
                TextRole::Question => "search_query",
                TextRole::Passage => "search_document",
            },
            embedding_types: ["float"],
            output_dimension: dimensions,
            truncate,
        }
    }
}

/// Returns the vectors of a response.
pub(super) fn vectors(response: &Value) -> Result<Vec<Vec<f32>>, ModelError> {
    let embeddings = response["embeddings"]["float"].as_array().into_iter().flatten();
    embeddings.map(vector).collect()
}

impl CohereEmbedder {
    /// Creates a model at `base_url`, without the version; `dimensions` shortens its vectors if the model supports that.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
        (role, dimensions): (TextRole, Option<u32>),
    ) -> Result<Self, InvalidBaseUrl> {
        let client = ProviderClient::new(info, base_url, &["v2", "embed"], api_key, http)?;
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

impl Vendor for CohereEmbedder {
    async fn ask(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        let body = Body {
            model: Some(&self.client.info.id),
            ..Body::new(texts, self.role, self.dimensions, "END")
        };
        let call = self.client.http.post(self.client.endpoint.clone()).json(&body);
        let found = ask(&self.client, call.bearer_auth(self.client.key())).await?;
        let vectors = vectors(&found)?;
        check(&vectors, texts.len(), self.dimensions)?;
        let counted = found["meta"]["billed_units"]["input_tokens"].as_f64();
        let estimate = || texts.iter().map(|text| estimate_tokens(text)).sum();
        let usage = Usage {
            prompt_tokens: counted.and_then(whole).unwrap_or_else(estimate),
            estimated: counted.and_then(whole).is_none(),
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

/// Returns a count, which Cohere describes as a number with a fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count between 0 and 2^53"
)]
pub(crate) fn whole(count: f64) -> Option<u64> {
    let is_count = (0.0..9e15).contains(&count);
    is_count.then_some(count.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use model_double::{KEY, ModelDouble, Script};
    use serde_json::json;

    use super::*;
    use crate::Embedder as _;
    use crate::testing::{PATIENT, http, info};

    fn cohere(double: &ModelDouble, role: TextRole, dimensions: Option<u32>) -> CohereEmbedder {
        let info = info(crate::Provider::Cohere, "embed-v4.0");
        CohereEmbedder::new(info, &double.url(), Secret::new(KEY), http(PATIENT), (role, dimensions)).unwrap()
    }

    /// The example of the reference, with shorter vectors.
    fn recorded() -> Value {
        json!({
            "id": "da6e531f-54c5-4a73-bf92-f60566d8d753",
            "embeddings": {"float": [[0.016_296_387, -0.008_354_187], [-0.003_835, 0.016_723]]},
            "texts": ["hello", "goodbye"],
            "meta": {
                "api_version": {"version": "2", "is_experimental": true},
                "billed_units": {"input_tokens": 2},
                "warnings": ["You are using an experimental version, for more information please refer to https://docs.cohere.com/versioning-reference"],
            },
        })
    }

    #[tokio::test]
    async fn a_request_names_the_role_and_the_response_counts_its_tokens() {
        let double = ModelDouble::start().await.unwrap();
        double.always(Script::refuse_with(200, "application/json", recorded().to_string()));
        let texts = vec!["hello".to_owned(), "goodbye".to_owned()];
        for (role, input_type) in [
            (TextRole::Question, "search_query"),
            (TextRole::Passage, "search_document"),
        ] {
            let found = cohere(&double, role, Some(2)).embed(texts.clone()).await.unwrap();
            assert_eq!(found.vectors[1], [-0.003_835, 0.016_723]);
            assert_eq!((found.usage.prompt_tokens, found.usage.estimated), (2, false));
            let call = double.calls().pop().unwrap();
            assert_eq!(
                (call.path.as_str(), &call.headers["authorization"]),
                ("/v2/embed", &format!("Bearer {KEY}"))
            );
            let body = json!({
                "model": "embed-v4.0", "texts": ["hello", "goodbye"], "input_type": input_type,
                "embedding_types": ["float"], "output_dimension": 2, "truncate": "END",
            });
            assert_eq!(call.body, body);
        }
    }

    #[tokio::test]
    async fn what_cohere_refuses_is_told_by_its_kind() {
        let double = ModelDouble::start().await.unwrap();
        let embedder = cohere(&double, TextRole::Passage, None);
        for (status, message, code) in [
            (401, "invalid api token", "provider_key_refused"),
            (
                429,
                "You are past the per minute request limit, please wait and try again later.",
                "provider_rate_limited",
            ),
            (500, "internal server error", "provider_failed"),
        ] {
            let body = json!({"message": message}).to_string();
            double.next(Script::refuse_with(status, "application/json", body));
            let error = embedder.embed(vec!["a".to_owned()]).await.unwrap_err();
            assert_eq!(error.code(), code, "{error:?}");
        }
        // Fewer vectors than texts are none.
        double.next(Script::refuse_with(200, "application/json", recorded().to_string()));
        assert!(embedder.embed(vec!["a".to_owned()]).await.is_err());
    }
}
