//! Models of providers that order texts by how well they answer a question: Cohere's API and Amazon Bedrock's models.
//!
//! A response is checked whole: each text at most once, with finite scores, so that no passage is lost or invented.

mod bedrock;
mod cohere;

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

pub use bedrock::BedrockReranker;
pub use cohere::CohereReranker;

use crate::chat::Usage;
use crate::embedders::malformed;
use crate::{ModelError, estimate_tokens};

/// Orders texts by how well they answer a question.
pub trait Reranker: Send + Sync {
    /// Returns the order of texts, of which there is at least one, best first.
    fn rerank(&self, question: String, texts: Vec<String>) -> BoxFuture<'static, Result<Reranked, ModelError>>;
}

/// An order of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Reranked {
    /// The places of all texts, best first.
    pub order: Vec<usize>,
    /// Tokens read, as an estimate: providers charge by searches and do not count them.
    pub usage: Usage,
    /// What the provider charges for: a question with up to 100 texts.
    pub searches: u64,
}

/// Texts of one search, for which providers charge.
const TEXTS_OF_SEARCH: usize = 100;

/// A request of Cohere's second version, whose model Bedrock has in its path.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<u32>,
    query: &'a str,
    documents: &'a [String],
    top_n: usize,
}

impl<'a> Body<'a> {
    fn new(question: &'a str, texts: &'a [String]) -> Self {
        Self {
            model: None,
            api_version: None,
            query: question,
            documents: texts,
            top_n: texts.len(),
        }
    }
}

/// Reads the response to a request, which both forms have in common.
fn reranked(response: &Value, question: &str, texts: &[String]) -> Result<Reranked, ModelError> {
    let results = response["results"]
        .as_array()
        .ok_or_else(|| malformed("there is no order"))?;
    let mut scored = Vec::with_capacity(texts.len());
    let mut is_known = vec![false; texts.len()];
    for result in results {
        let index = result["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let score = result["relevance_score"].as_f64().filter(|score| score.is_finite());
        let (Some(index), Some(score)) = (index, score) else {
            return Err(malformed("a text has no score"));
        };
        match is_known.get_mut(index) {
            Some(known) if !*known => *known = true,
            _ => return Err(malformed("a score for no text")),
        }
        scored.push((index, score));
    }
    if scored.len() != texts.len() {
        return Err(malformed("there are not as many scores as texts"));
    }
    // The sort is stable: equal scores keep the order of the response.
    scored.sort_by(|one, other| other.1.total_cmp(&one.1));
    let tokens = texts.iter().map(|text| estimate_tokens(text)).sum::<u64>() + estimate_tokens(question);
    let counted = response["meta"]["billed_units"]["search_units"].as_f64();
    Ok(Reranked {
        order: scored.into_iter().map(|(index, _)| index).collect(),
        usage: Usage {
            prompt_tokens: tokens,
            estimated: true,
            ..Usage::default()
        },
        searches: counted
            .and_then(crate::embedders::whole)
            .unwrap_or_else(|| texts.len().div_ceil(TEXTS_OF_SEARCH) as u64),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("text {at}")).collect()
    }

    #[test]
    fn an_order_has_every_text_once() {
        let found = |results: Value, count| reranked(&json!({"results": results}), "question", &texts(count));
        let result = |index: i64, score: f64| json!({"index": index, "relevance_score": score});
        let order = found(json!([result(1, 0.2), result(0, 0.9), result(2, 0.2)]), 3).unwrap();
        assert_eq!((order.order, order.searches), (vec![0, 1, 2], 1));
        for results in [
            json!([result(0, 0.9)]),
            json!([result(0, 0.9), result(0, 0.8)]),
            json!([result(0, 0.9), result(2, 0.8)]),
            json!([result(0, 0.9), result(-1, 0.8)]),
            json!([result(0, 0.9), {"index": 1}]),
            json!([result(0, 0.9), {"index": 1, "relevance_score": "high"}]),
            json!({}),
            Value::Null,
        ] {
            assert!(found(results.clone(), 2).is_err(), "{results}");
        }
    }
}
