//! Having the vectors of all documents of an organization made by its embedding model: after it has chosen another one, or
//! when what kept it from making them is solved.

use domain::{Document, DocumentId, Membership, PageRequest, Result};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use llm::{catalog, prices::price};
use store::DocumentFilter;

use crate::App;

/// Documents read at a time.
const PAGE: u16 = PageRequest::MAX_LIMIT;
/// Messages sent at the same time.
const PARALLEL: usize = 16;
/// Tokens of a passage, as an estimate: passages of prose have some 900 characters.
const TOKENS_PER_PASSAGE: u64 = 250;

/// The vectors that were requested, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestedVectors {
    /// Names the model that makes them; `None` if neither the organization nor this deployment has one, so that none are
    /// made.
    pub model: Option<String>,
    /// Number of documents that lack vectors of this model.
    pub documents: u64,
    /// Number of their passages without one.
    pub passages: u64,
    /// Tokens that the model reads for them, as an estimate; 0 for the built-in model.
    pub estimated_tokens: u64,
    /// What its provider charges for these in millionths of a US dollar; `None` if the model's price is unknown.
    pub estimated_cost_micro_usd: Option<u64>,
}

impl App {
    /// Has the embedding model of an organization make the vectors of all documents that lack them. Each is found as before
    /// until its own are finished. `is_rehearsal`: says what that takes and does nothing.
    pub fn embed_documents<'a>(
        &'a self,
        member: &'a Membership,
        is_rehearsal: bool,
    ) -> BoxFuture<'a, Result<RequestedVectors>> {
        Box::pin(async move {
            let Some(model) = self.document_embedder_id(&member.org).await? else {
                return Ok(RequestedVectors::default());
            };
            let is_built_in = self.config.embedding.name() == Some(&model);
            let (mut documents, mut passages) = (0, 0);
            let mut page = PageRequest {
                limit: PAGE,
                after: None,
            };
            loop {
                let found = self
                    .store
                    .documents(&member.org)
                    .list(&page, &DocumentFilter::default())
                    .await?;
                let lacking: Vec<&Document> = found.items.iter().filter(|document| lacks(document, &model)).collect();
                documents += lacking.len() as u64;
                passages += lacking.iter().map(|document| missing(document, &model)).sum::<u64>();
                if !is_rehearsal {
                    let ids: Vec<DocumentId> = lacking.into_iter().map(|document| document.id.clone()).collect();
                    stream::iter(ids)
                        .map(|id| async move { self.queue_embedding(&member.org, &id).await })
                        .buffer_unordered(PARALLEL)
                        .try_collect::<()>()
                        .await?;
                }
                match found.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
            let tokens = if is_built_in { 0 } else { passages * TOKENS_PER_PASSAGE };
            let named = catalog::resolve(&model);
            let rate = price(named.provider, &named.model, self.clock.now()).map(|price| price.input_per_million());
            Ok(RequestedVectors {
                estimated_cost_micro_usd: if is_built_in {
                    Some(0)
                } else {
                    rate.map(|rate| tokens.saturating_mul(rate).div_ceil(1_000_000))
                },
                model: Some(model),
                documents,
                passages,
                estimated_tokens: tokens,
            })
        })
    }
}

/// Returns whether a searchable document has no vectors of a model, and none are being made.
fn lacks(document: &Document, model: &str) -> bool {
    let is_planned = document.embedding.as_ref().is_some_and(|planned| planned.is_by(model));
    document.segment.is_some() && !document.is_unfinished() && !is_planned
}

/// Returns how many of its passages have no vector of the model.
fn missing(document: &Document, model: &str) -> u64 {
    let planned = document.embedding.as_ref();
    let done = planned.filter(|planned| planned.embedder == model);
    let done = done.map_or(0, |planned| planned.done_with(&document.embedded_batches));
    u64::from(document.chunks.unwrap_or_default().saturating_sub(done))
}
