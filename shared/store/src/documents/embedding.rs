//! The vectors of a document's segment, batch by batch.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use domain::{Document, DocumentId, IndexFailure, Result, Timestamp, documents::embedding::Embedding};

use super::Documents;
use crate::{
    keys,
    table::item::{Transaction, conditional, from_item, part, s, transact, value},
};

/// Attribute: how far the vectors of the segment in use are.
pub(super) const EMBEDDING: &str = "embedding";
/// Attribute: the batches of vectors that are finished.
pub(super) const EMBEDDED_BATCHES: &str = "embedded_batches";

/// Attribute names in conditions about the plan that was read.
const FIELDS: [(&str, &str); 3] = [
    ("#segment", "segment"),
    ("#embedder", "embedder"),
    ("#failure", "failure"),
];

/// Returns the condition that the plan is still the one that was read.
fn unchanged(read: Option<&Embedding>) -> &'static str {
    match read {
        None => "attribute_not_exists(embedding)",
        Some(read) if read.failure.is_none() => {
            "embedding.#embedder = :planned AND attribute_not_exists(embedding.#failure)"
        }
        Some(_) => "embedding.#embedder = :planned AND attribute_exists(embedding.#failure)",
    }
}

impl Documents {
    /// Records how the vectors of a segment are made. Returns `false` if another segment is in use, or the plan is no longer
    /// the one that was read.
    pub async fn plan_embedding(
        &self,
        id: &DocumentId,
        segment: &str,
        read: Option<&Embedding>,
        embedding: &Embedding,
    ) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .update_expression(format!("SET {EMBEDDING} = :embedding REMOVE {EMBEDDED_BATCHES}"))
            .expression_attribute_values(":segment", s(segment))
            .expression_attribute_values(":embedding", value(embedding)?);
        let condition = format!("#segment = :segment AND {}", unchanged(read));
        let update = names_in(update, &condition).condition_expression(condition);
        let update = match read {
            None => update,
            Some(read) => update.expression_attribute_values(":planned", s(&read.embedder)),
        };
        Ok(conditional(update).await?.is_some())
    }

    /// Records that the vectors of a batch by this embedder are stored. Recording it again changes nothing. Returns the
    /// document, or `None` if another segment is in use, or another embedder makes its vectors.
    pub async fn record_embedded(
        &self,
        id: &DocumentId,
        segment: &str,
        embedder: &str,
        batch: u32,
    ) -> Result<Option<Document>> {
        let condition = "#segment = :segment AND embedding.#embedder = :planned";
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .update_expression(format!("ADD {EMBEDDED_BATCHES} :batch"))
            .condition_expression(condition)
            .expression_attribute_values(":segment", s(segment))
            .expression_attribute_values(":planned", s(embedder))
            .expression_attribute_values(":batch", AttributeValue::Ns(vec![batch.to_string()]))
            .return_values(ReturnValue::AllNew);
        conditional(names_in(update, condition))
            .await?
            .map(from_item)
            .transpose()
    }

    /// Records why the vectors of a segment are not made. Returns `false` if another segment is in use, another embedder
    /// makes its vectors, or a reason is known.
    pub async fn record_embedding_failure(
        &self,
        id: &DocumentId,
        segment: &str,
        embedder: &str,
        failure: &IndexFailure,
    ) -> Result<bool> {
        let condition =
            "#segment = :segment AND embedding.#embedder = :planned AND attribute_not_exists(embedding.#failure)";
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .update_expression("SET embedding.#failure = :failure")
            .condition_expression(condition)
            .expression_attribute_values(":segment", s(segment))
            .expression_attribute_values(":planned", s(embedder))
            .expression_attribute_values(":failure", value(failure)?);
        Ok(conditional(names_in(update, condition)).await?.is_some())
    }

    /// Replaces a segment by one that has more vectors, which are now so far. Returns `false` if another segment is in use,
    /// the plan is no longer the one that was read, or a worker is indexing the document: it would not know of this one.
    pub async fn replace_segment(
        &self,
        id: &DocumentId,
        (old, new): (&str, &str),
        (read, embedding): (Option<&Embedding>, &Embedding),
        now: Timestamp,
    ) -> Result<bool> {
        let condition = format!("#segment = :old AND done >= want AND {}", unchanged(read));
        let mut update = self
            .store
            .app()
            .part_update(&keys::document(&self.org, id))
            .update_expression(format!(
                "SET #segment = :new, replaced_segment = :old, {EMBEDDING} = :embedding REMOVE {EMBEDDED_BATCHES}"
            ))
            .expression_attribute_values(":old", s(old))
            .expression_attribute_values(":new", s(new))
            .expression_attribute_values(":embedding", value(embedding)?);
        for (name, attribute) in FIELDS.iter().filter(|(name, _)| condition.contains(name)) {
            update = update.expression_attribute_names(*name, *attribute);
        }
        if let Some(read) = read {
            update = update.expression_attribute_values(":planned", s(&read.embedder));
        }
        let update = update.condition_expression(condition);
        let parts = vec![part(update)?, self.part_note_change(id, now)?];
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }
}

/// Names the attributes that a condition mentions, and no others: unused names are refused.
fn names_in(update: UpdateItemFluentBuilder, condition: &str) -> UpdateItemFluentBuilder {
    FIELDS
        .iter()
        .filter(|(name, _)| condition.contains(name))
        .fold(update, |update, (name, attribute)| {
            update.expression_attribute_names(*name, *attribute)
        })
}
