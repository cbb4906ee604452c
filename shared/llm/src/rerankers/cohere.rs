//! Cohere's reranking (<https://docs.cohere.com/reference/rerank>).

use domain::Secret;
use futures::{FutureExt as _, future::BoxFuture};

use super::{Body, Reranked, Reranker, reranked};
use crate::call::ProviderClient;
use crate::chat::ModelInfo;
use crate::embedders::ask;
use crate::{InvalidBaseUrl, ModelError, TimeLimits};

/// A reranking model of Cohere.
#[derive(Debug, Clone)]
pub struct CohereReranker(ProviderClient);

impl CohereReranker {
    /// Creates a model at `base_url`, without the version.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        api_key: Secret,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        ProviderClient::new(info, base_url, &["v2", "rerank"], api_key, http).map(Self)
    }

    /// Returns the model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.0.limits = limits;
        self
    }
}

impl Reranker for CohereReranker {
    fn rerank(&self, question: String, texts: Vec<String>) -> BoxFuture<'static, Result<Reranked, ModelError>> {
        let client = self.0.clone();
        async move {
            let body = Body {
                model: Some(&client.info.id),
                ..Body::new(&question, &texts)
            };
            let call = client.http.post(client.endpoint.clone()).json(&body);
            let found = ask(&client, call.bearer_auth(client.key())).await?;
            reranked(&found, &question, &texts)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use model_double::{KEY, ModelDouble, Script};
    use serde_json::json;

    use super::*;
    use crate::testing::{PATIENT, http, info};

    #[tokio::test]
    async fn the_example_of_the_reference_is_read() {
        let double = ModelDouble::start().await.unwrap();
        let recorded = json!({
            "results": [
                {"index": 3, "relevance_score": 0.999_071},
                {"index": 4, "relevance_score": 0.786_777},
                {"index": 0, "relevance_score": 0.327_13},
                {"index": 2, "relevance_score": 0.1},
                {"index": 1, "relevance_score": 0.05},
            ],
            "id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
            "meta": {
                "api_version": {"version": "2", "is_experimental": false},
                "billed_units": {"search_units": 1},
            },
        });
        double.always(Script::refuse_with(200, "application/json", recorded.to_string()));
        let info = info(crate::Provider::Cohere, "rerank-v3.5");
        let cohere = CohereReranker::new(info, &double.url(), Secret::new(KEY), http(PATIENT)).unwrap();
        let texts: Vec<String> = [
            "Carson City",
            "Saipan",
            "Capitalization",
            "Washington, D.C.",
            "Punishment",
        ]
        .map(str::to_owned)
        .to_vec();
        let question = "What is the capital of the United States?".to_owned();
        let found = cohere.rerank(question.clone(), texts.clone()).await.unwrap();
        assert_eq!((found.order, found.searches), (vec![3, 4, 0, 2, 1], 1));
        assert!(found.usage.estimated && found.usage.prompt_tokens > 10);
        let call = double.calls().remove(0);
        assert_eq!(
            (call.path.as_str(), &call.headers["authorization"]),
            ("/v2/rerank", &format!("Bearer {KEY}"))
        );
        let body = json!({"model": "rerank-v3.5", "query": question, "documents": texts, "top_n": 5});
        assert_eq!(call.body, body);
        double.next(Script::refuse_with(
            429,
            "application/json",
            json!({"message": "too many"}).to_string(),
        ));
        let error = cohere.rerank(question, texts).await.unwrap_err();
        assert_eq!(error.code(), "provider_rate_limited", "{error:?}");
    }
}
