//! Reranking models of Amazon Bedrock, Cohere's and Amazon's, one signed POST
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>).

use std::sync::Arc;

use domain::Secret;
use futures::{FutureExt as _, future::BoxFuture};

use super::{Body, Reranked, Reranker, reranked};
use crate::bedrock::{operation_of, signed};
use crate::call::ProviderClient;
use crate::chat::ModelInfo;
use crate::embedders::{ask, malformed};
use crate::{InvalidBaseUrl, ModelError, Signer, TimeLimits};

/// The version of Cohere's API whose form is used.
const API_VERSION: u32 = 2;

/// A reranking model of Amazon Bedrock.
#[derive(Clone)]
pub struct BedrockReranker {
    client: ProviderClient,
    signer: Arc<dyn Signer>,
}

impl BedrockReranker {
    /// Creates a model at the endpoint of a region, as [`crate::Bedrock::new`] does.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        signer: Arc<dyn Signer>,
        http: reqwest::Client,
    ) -> Result<Self, InvalidBaseUrl> {
        let model = info.id.clone();
        let mut client = ProviderClient::new(info, base_url, &["model"], Secret::new(""), http)?;
        client.endpoint = operation_of(&client.endpoint, &model, "invoke")?;
        Ok(Self { client, signer })
    }

    /// Returns the model with other time limits; the connect limit is the client's.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.client.limits = limits;
        self
    }
}

impl Reranker for BedrockReranker {
    fn rerank(&self, question: String, texts: Vec<String>) -> BoxFuture<'static, Result<Reranked, ModelError>> {
        let this = self.clone();
        async move {
            let is_cohere = this.client.info.id.contains("cohere.");
            let body = serde_json::to_vec(&Body {
                api_version: is_cohere.then_some(API_VERSION),
                ..Body::new(&question, &texts)
            });
            let body = body.map_err(|error| malformed(&error.to_string()))?;
            let call = signed(&this.client, &*this.signer, body).await?;
            let found = ask(&this.client, call).await?;
            reranked(&found, &question, &texts)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use model_double::ModelDouble;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{PATIENT, Unsigned, http, info};

    #[tokio::test]
    async fn both_vendors_are_asked_in_their_form() {
        let double = ModelDouble::start().await.unwrap();
        for (model, version) in [("cohere.rerank-v3-5:0", json!(2)), ("amazon.rerank-v1:0", Value::Null)] {
            let info = info(crate::Provider::Bedrock, model);
            let reranker = BedrockReranker::new(info, &double.url(), Arc::new(Unsigned), http(PATIENT)).unwrap();
            let texts = vec!["The sky is blue.".to_owned(), "The warranty is two years.".to_owned()];
            let found = reranker
                .rerank("warranty years".to_owned(), texts.clone())
                .await
                .unwrap();
            assert_eq!((found.order, found.searches), (vec![1, 0], 1));
            let call = double.calls().pop().unwrap();
            assert_eq!(call.path, format!("/model/{}/invoke", model.replace(':', "%3A")));
            assert_eq!(call.headers["x-signed"], "yes");
            assert_eq!(
                (&call.body["documents"], &call.body["api_version"]),
                (&json!(texts), &version)
            );
        }
    }
}
