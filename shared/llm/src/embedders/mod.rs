//! Embedding models of providers: their protocols, and what all of them have in common.
//!
//! A response is checked whole: as many vectors as texts, all of one length, of finite numbers. Whatever else a provider
//! sends is an error, so that nothing is stored that cannot be compared.

mod bedrock;
mod cohere;
mod gemini;
mod openai;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use reqwest::RequestBuilder;
use serde_json::Value;
use std::sync::Arc;

pub use bedrock::BedrockEmbedder;
pub use cohere::CohereEmbedder;
pub(crate) use cohere::whole;
pub use gemini::GeminiEmbedder;
pub use openai::OpenAiEmbedder;

use crate::call::{ErrorBody, ProviderClient};
use crate::catalog::ModelRef;
use crate::chat::Usage;
use crate::lenient::failure;
use crate::{ModelError, TimeLimit, estimate_tokens};

/// Requests of one call at the same time, where a provider takes only some texts in each.
const PARALLEL: usize = 4;

/// Turns texts into vectors.
pub trait Embedder: Send + Sync {
    /// Returns one vector for each text, in order.
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Embeddings, ModelError>>;

    /// Returns the maximum size of one request.
    fn max_request(&self) -> MaxRequest;
}

/// The maximum size of a request for vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxRequest {
    /// Number of texts.
    pub texts: usize,
    /// Number of tokens of all texts together, as estimated here.
    pub tokens: u64,
}

/// The parts of a request that depend on the vendor.
trait Vendor: Clone + Send + Sync + 'static {
    /// Asks for the vectors of at least one text, and at most as many as fit into a request.
    fn ask(&self, texts: &[String]) -> impl Future<Output = Result<Embeddings, ModelError>> + Send;

    /// Returns the maximum size of one request.
    fn max_request(&self) -> MaxRequest;
}

impl<V: Vendor> Embedder for V {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Embeddings, ModelError>> {
        let vendor = self.clone();
        async move {
            if texts.is_empty() {
                return Ok(nothing());
            }
            vendor.ask(&texts).await
        }
        .boxed()
    }

    fn max_request(&self) -> MaxRequest {
        Vendor::max_request(self)
    }
}

/// Returns the length of vectors that documents are given, for models that can shorten theirs: long ones cost memory and
/// time in each search, and are hardly better.
///
/// <https://platform.openai.com/docs/guides/embeddings>, <https://ai.google.dev/gemini-api/docs/embeddings>,
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/titan-embedding-models.html>,
/// <https://docs.cohere.com/docs/cohere-embed>
pub fn document_dimensions(named: &ModelRef) -> Option<u32> {
    let model = named.model.as_str();
    if model.starts_with("text-embedding-3-") || model.starts_with("gemini-embedding-") {
        Some(768)
    } else if model.contains("titan-embed-text-v2") {
        Some(512)
    } else if model.contains("embed-v4") {
        Some(1024)
    } else {
        None
    }
}

/// What a text is, for models that embed questions and passages differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRole {
    /// A question to a set of passages.
    Question,
    /// A text that may answer one.
    Passage,
}

/// Vectors, and the tokens they used.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One for each text.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read; none are generated.
    pub usage: Usage,
}

/// Embeds any number of texts, in requests of as many as the provider takes.
///
/// # Errors
/// Returns the first error of a request; the tokens of the others are lost.
pub async fn embed_all(embedder: Arc<dyn Embedder>, texts: Vec<String>) -> Result<Embeddings, ModelError> {
    let count = texts.len();
    let parts: Vec<Embeddings> = stream::iter(requests(texts, embedder.max_request()))
        .map(|texts| embedder.embed(texts))
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let mut whole = Embeddings {
        vectors: Vec::with_capacity(count),
        usage: Usage::default(),
    };
    for part in parts {
        whole.vectors.extend(part.vectors);
        whole.usage.prompt_tokens += part.usage.prompt_tokens;
        whole.usage.estimated |= part.usage.estimated;
    }
    check(&whole.vectors, count, None)?;
    Ok(whole)
}

/// Divides texts among requests, in order. A text that is too large by itself has a request of its own: the provider knows.
fn requests(texts: Vec<String>, most: MaxRequest) -> Vec<Vec<String>> {
    let mut requests: Vec<Vec<String>> = Vec::new();
    let mut tokens = 0;
    for text in texts {
        let own = estimate_tokens(&text);
        match requests.last_mut() {
            Some(last) if last.len() < most.texts && tokens + own <= most.tokens => {
                last.push(text);
                tokens += own;
            }
            _ => {
                requests.push(vec![text]);
                tokens = own;
            }
        }
    }
    requests
}

/// Sends a request and returns the JSON of its response, within the time for a first token: nothing is streamed.
pub(crate) async fn ask(client: &ProviderClient, call: RequestBuilder) -> Result<Value, ModelError> {
    let asked = async {
        let response = client.send(call).await?;
        if !response.status().is_success() {
            return Err(client.refusal(response).await);
        }
        let body = response.bytes().await.map_err(|_| ModelError::Cut)?;
        let found = read(&body).map_err(|error| malformed(&error.to_string()))?;
        match failure(&found) {
            Some(failure) => Err(ErrorBody::of(failure).into_error(200, client.key())),
            None => Ok(found),
        }
    };
    let answer = tokio::time::timeout(client.limits.first_token, asked).await;
    answer.unwrap_or(Err(ModelError::TimedOut {
        what: TimeLimit::FirstToken,
    }))
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

/// Returns the numbers of a vector.
fn vector(value: &Value) -> Result<Vec<f32>, ModelError> {
    let numbers = value.as_array().ok_or_else(|| malformed("a text has no vector"))?;
    let numbers: Option<Vec<f32>> = numbers.iter().map(number).collect();
    numbers.ok_or_else(|| malformed("a vector is not of numbers"))
}

/// Converts a number of a vector; one that is too large becomes infinite and is refused later.
#[expect(
    clippy::cast_possible_truncation,
    reason = "vectors have the precision of their models"
)]
fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32)
}

/// Checks that there are so many vectors, all of one length, of finite numbers; of the requested length, if one was.
fn check(vectors: &[Vec<f32>], texts: usize, dimensions: Option<u32>) -> Result<(), ModelError> {
    if vectors.len() != texts {
        return Err(malformed("there are not as many vectors as texts"));
    }
    if vectors.iter().any(Vec::is_empty) {
        return Err(malformed("a text has no vector"));
    }
    let length = vectors.first().map_or(0, Vec::len);
    let is_other = |requested: u32| usize::try_from(requested).is_ok_and(|requested| requested != length);
    if vectors.iter().any(|vector| vector.len() != length) || (texts > 0 && dimensions.is_some_and(is_other)) {
        return Err(malformed("a vector has another length"));
    }
    // A number too large for its type is infinite, which JSON cannot express.
    if !vectors.iter().flatten().all(|number| number.is_finite()) {
        return Err(malformed("a vector is not finite"));
    }
    Ok(())
}

pub(crate) fn malformed(detail: &str) -> ModelError {
    ModelError::Malformed {
        detail: detail.to_owned(),
    }
}

/// Returns the result for no texts, for which no provider is asked.
fn nothing() -> Embeddings {
    Embeddings {
        vectors: Vec::new(),
        usage: Usage::default(),
    }
}

#[cfg(test)]
mod tests {
    use model_double::{ModelDouble, Script};
    use serde_json::json;

    use super::*;
    use crate::testing::{PATIENT, http, info};
    use domain::Secret;

    fn texts(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("text {at}")).collect()
    }

    fn embedder(double: &ModelDouble, dimensions: Option<u32>) -> GeminiEmbedder {
        let info = info(crate::Provider::Gemini, "gemini-embedding-001");
        let role = (TextRole::Passage, dimensions);
        GeminiEmbedder::new(info, &double.url(), Secret::new("key"), http(PATIENT), role).unwrap()
    }

    #[test]
    fn an_answer_in_an_event_is_read_like_one() {
        for body in [r#"{"data":[]}"#, "data: {\"data\":[]}\n\ndata: [DONE]\n\n"] {
            assert_eq!(read(body.as_bytes()).unwrap(), json!({"data": []}), "{body}");
        }
        assert!(read(b"data: nothing").is_err() && read(b"").is_err());
    }

    #[tokio::test]
    async fn imperfect_responses_are_errors_and_never_vectors() {
        let double = ModelDouble::start().await.unwrap();
        let two =
            |first: &str, second: &str| format!(r#"{{"embeddings":[{{"values":{first}}},{{"values":{second}}}]}}"#);
        for (body, dimensions) in [
            (r#"{"embeddings":[{"values":[1,2]}]}"#.to_owned(), None),
            (two("[1,2]", "[]"), None),
            (two("[1,2]", "[1,2,3]"), None),
            (two("[1,2]", "[2,1]"), Some(3)),
            (two("[1,2]", r#"[1,"NaN"]"#), None),
            (two("[1,2]", "[1,NaN]"), None),
            (two("[1,2]", "[1,1e999]"), None),
            (two("[1,2]", "null"), None),
            (two("[1,2]", "[1,2]") + "[", None),
            (
                r#"{"error":{"code":400,"message":"The text is too long.","status":"INVALID_ARGUMENT"}}"#.to_owned(),
                None,
            ),
            ("{}".to_owned(), None),
            ("<html>".to_owned(), None),
        ] {
            double.next(Script::refuse_with(200, "application/json", body.clone()));
            let found = embedder(&double, dimensions).embed(texts(2)).await;
            assert!(found.is_err(), "{body}: {found:?}");
        }
        double.next(Script::refuse_with(200, "application/json", two("[1,2]", "[2,1]")));
        let found = embedder(&double, Some(2)).embed(texts(2)).await.unwrap();
        assert_eq!(found.vectors, [[1.0, 2.0], [2.0, 1.0]]);
        double.next(Script::refuse(429, "RESOURCE_EXHAUSTED"));
        let error = embedder(&double, None).embed(texts(2)).await.unwrap_err();
        assert!(matches!(error, ModelError::RateLimited { .. }), "{error:?}");
    }

    #[test]
    fn a_request_has_no_more_texts_and_tokens_than_the_provider_takes() {
        let sizes = |most, texts: &[&str]| {
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            let requests = requests(texts, most);
            requests.iter().map(Vec::len).collect::<Vec<_>>()
        };
        let (most, long) = (MaxRequest { texts: 2, tokens: 20 }, "word ".repeat(14));
        assert_eq!(sizes(most, &["a", "b", "c", "d", "e"]), [2, 2, 1]);
        assert_eq!(sizes(most, &["a", &long, "b", &long.repeat(9), "c"]), [2, 1, 1, 1]);
        assert!(sizes(most, &[]).is_empty());
        let one = MaxRequest { texts: 0, tokens: 0 };
        assert_eq!(sizes(one, &["a", "b"]), [1, 1]);
    }

    #[test]
    fn long_vectors_are_shortened_for_documents_where_the_model_can() {
        for (name, dimensions) in [
            ("text-embedding-3-large", Some(768)),
            ("text-embedding-ada-002", None),
            ("azure/my-vectors", None),
            ("gemini-embedding-001", Some(768)),
            ("amazon.titan-embed-text-v2:0", Some(512)),
            ("amazon.titan-embed-text-v1", None),
            ("cohere.embed-multilingual-v3", None),
            ("global.cohere.embed-v4:0", Some(1024)),
            ("cohere/embed-v4.0", Some(1024)),
        ] {
            assert_eq!(
                document_dimensions(&crate::catalog::resolve(name)),
                dimensions,
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn many_texts_are_several_requests_in_order() {
        let double = ModelDouble::start().await.unwrap();
        let found = embed_all(Arc::new(embedder(&double, None)), texts(250)).await.unwrap();
        assert_eq!((found.vectors.len(), double.totals().calls), (250, 3));
        let whole = embedder(&double, None).embed(texts(1)).await.unwrap();
        assert_eq!(found.vectors[0], whole.vectors[0]);
        let none = embed_all(Arc::new(embedder(&double, None)), Vec::new()).await.unwrap();
        assert_eq!((none.vectors.len(), double.totals().calls), (0, 4));
    }
}
