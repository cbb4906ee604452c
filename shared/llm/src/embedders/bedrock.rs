//! Embeddings of Amazon Bedrock, one signed POST
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>): Amazon Titan, a text in each
//! request (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>), and Cohere
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>).

use std::sync::Arc;

use domain::Secret;
use serde::Serialize;

use super::{Embeddings, MaxRequest, TextRole, Vendor, ask, check, cohere, malformed, vector};
use crate::bedrock::{operation_of, signed};
use crate::call::ProviderClient;
use crate::chat::{ModelInfo, Usage};
use crate::{InvalidBaseUrl, ModelError, Signer, TimeLimits, estimate_tokens};

/// Characters of a text that Cohere's third version reads; a longer one is an error.
const MAX_CHARACTERS_V3: usize = 2_048;

/// An embedding model of Amazon Bedrock.
#[derive(Clone)]
pub struct BedrockEmbedder {
    client: ProviderClient,
    signer: Arc<dyn Signer>,
    role: TextRole,
    dimensions: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TitanBody<'a> {
    input_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

impl BedrockEmbedder {
    /// Creates a model at the endpoint of a region, as [`crate::Bedrock::new`] does; `dimensions` shortens its vectors if
    /// the model supports that.
    pub fn new(
        info: ModelInfo,
        base_url: &str,
        signer: Arc<dyn Signer>,
        http: reqwest::Client,
        (role, dimensions): (TextRole, Option<u32>),
    ) -> Result<Self, InvalidBaseUrl> {
        let model = info.id.clone();
        let mut client = ProviderClient::new(info, base_url, &["model"], Secret::new(""), http)?;
        client.endpoint = operation_of(&client.endpoint, &model, "invoke")?;
        Ok(Self {
            client,
            signer,
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

    fn is_cohere(&self) -> bool {
        self.client.info.id.contains("cohere.")
    }
}

fn cut(text: &str, is_v3: bool) -> String {
    let most = if is_v3 { MAX_CHARACTERS_V3 } else { usize::MAX };
    text.chars().take(most).collect()
}

impl Vendor for BedrockEmbedder {
    async fn ask(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        let body = if self.is_cohere() {
            let is_v3 = self.client.info.id.contains("-v3");
            let texts: Vec<String> = texts.iter().map(|text| cut(text, is_v3)).collect();
            let truncate = if is_v3 { "END" } else { "RIGHT" };
            serde_json::to_vec(&cohere::Body::new(&texts, self.role, self.dimensions, truncate))
        } else {
            serde_json::to_vec(&TitanBody {
                input_text: texts.first().map_or("", String::as_str),
                dimensions: self.dimensions,
            })
        };
        let body = body.map_err(|error| malformed(&error.to_string()))?;
        let call = signed(&self.client, &*self.signer, body).await?;
        let found = ask(&self.client, call).await?;
        let (vectors, counted) = if self.is_cohere() {
            // Its counts are in a header only.
            (cohere::vectors(&found)?, None)
        } else {
            (
                vec![vector(&found["embedding"])?],
                found["inputTextTokenCount"].as_u64(),
            )
        };
        check(&vectors, texts.len(), self.dimensions)?;
        let usage = Usage {
            prompt_tokens: counted.unwrap_or_else(|| texts.iter().map(|text| estimate_tokens(text)).sum()),
            estimated: counted.is_none(),
            ..Usage::default()
        };
        Ok(Embeddings { vectors, usage })
    }

    fn max_request(&self) -> MaxRequest {
        MaxRequest {
            texts: if self.is_cohere() { cohere::MAX_TEXTS } else { 1 },
            tokens: cohere::MAX_TOKENS,
        }
    }
}

#[cfg(test)]
mod tests {
    use model_double::{ModelDouble, Script};
    use serde_json::json;

    use super::*;
    use crate::Embedder as _;
    use crate::testing::{PATIENT, Unsigned, http, info};

    fn embedder(double: &ModelDouble, model: &'static str, role: TextRole, dimensions: Option<u32>) -> BedrockEmbedder {
        let info = info(crate::Provider::Bedrock, model);
        BedrockEmbedder::new(
            info,
            &double.url(),
            Arc::new(Unsigned),
            http(PATIENT),
            (role, dimensions),
        )
        .unwrap()
    }

    #[tokio::test]
    async fn titan_is_asked_for_one_text_at_a_time_and_counts_its_tokens() {
        let double = ModelDouble::start().await.unwrap();
        let body = json!({"embedding": [0.5, 0.5], "inputTextTokenCount": 7, "embeddingsByType": {}});
        double.always(Script::refuse_with(200, "application/json", body.to_string()));
        let titan = embedder(&double, "amazon.titan-embed-text-v2:0", TextRole::Passage, Some(2));
        let texts = vec!["one".to_owned(), "two".to_owned()];
        let found = super::super::embed_all(Arc::new(titan), texts).await.unwrap();
        assert_eq!(
            (found.vectors.len(), found.usage.prompt_tokens, found.usage.estimated),
            (2, 14, false)
        );
        let call = double.calls().remove(0);
        assert_eq!(call.path, "/model/amazon.titan-embed-text-v2%3A0/invoke");
        assert_eq!(call.body, json!({"inputText": "one", "dimensions": 2}));
        assert_eq!(call.headers["x-signed"], "yes");
    }

    #[tokio::test]
    async fn cohere_is_told_what_a_text_is_and_gets_no_more_than_it_reads() {
        let double = ModelDouble::start().await.unwrap();
        let body = json!({"embeddings": {"float": [[1.0, 0.0]]}, "response_type": "embeddings_by_type"});
        double.always(Script::refuse_with(200, "application/json", body.to_string()));
        let long = "é".repeat(3_000);
        for (role, input_type) in [
            (TextRole::Question, "search_query"),
            (TextRole::Passage, "search_document"),
        ] {
            let cohere = embedder(&double, "cohere.embed-multilingual-v3", role, None);
            let found = cohere.embed(vec![long.clone()]).await.unwrap();
            assert_eq!(found.vectors, [[1.0, 0.0]]);
            assert!(found.usage.estimated && found.usage.prompt_tokens > 0);
            let body = double.calls().pop().unwrap().body;
            assert_eq!(
                (&body["input_type"], &body["truncate"]),
                (&json!(input_type), &json!("END"))
            );
            assert_eq!(body["texts"][0].as_str().unwrap().chars().count(), MAX_CHARACTERS_V3);
        }
        let v4 = embedder(&double, "global.cohere.embed-v4:0", TextRole::Question, Some(2));
        v4.embed(vec![long.clone()]).await.unwrap();
        let body = double.calls().pop().unwrap().body;
        assert_eq!(
            (&body["texts"][0], &body["output_dimension"]),
            (&json!(long), &json!(2))
        );
    }
}
