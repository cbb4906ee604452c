//! The vectors of a document's segment, batch by batch.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{Document, DocumentId, Result, Timestamp, documents::embedding::Embedding};

use super::Documents;
use crate::{
    keys,
    table::item::{Transaction, conditional, from_item, part, s, transact, value},
};

/// Attribute: how far the vectors of the segment in use are.
pub(super) const EMBEDDING: &str = "embedding";
/// Attribute: the batches of vectors that are finished.
pub(super) const EMBEDDED_BATCHES: &str = "embedded_batches";

impl Documents {
    /// Records how the vectors of a segment are made, unless that is known. Returns `false` if another segment is in use,
    /// or it is known.
    pub async fn plan_embedding(&self, id: &DocumentId, segment: &str, embedding: &Embedding) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .update_expression(format!("SET {EMBEDDING} = :embedding REMOVE {EMBEDDED_BATCHES}"))
            .condition_expression(format!("#segment = :segment AND attribute_not_exists({EMBEDDING})"))
            .expression_attribute_names("#segment", "segment")
            .expression_attribute_values(":segment", s(segment))
            .expression_attribute_values(":embedding", value(embedding)?);
        Ok(conditional(update).await?.is_some())
    }

    /// Records that the vectors of a batch are stored. Recording it again changes nothing. Returns the document, or `None`
    /// if another segment is in use.
    pub async fn record_embedded(&self, id: &DocumentId, segment: &str, batch: u32) -> Result<Option<Document>> {
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            .update_expression(format!("ADD {EMBEDDED_BATCHES} :batch"))
            .condition_expression(format!("#segment = :segment AND attribute_exists({EMBEDDING})"))
            .expression_attribute_names("#segment", "segment")
            .expression_attribute_values(":segment", s(segment))
            .expression_attribute_values(":batch", AttributeValue::Ns(vec![batch.to_string()]))
            .return_values(ReturnValue::AllNew);
        conditional(update).await?.map(from_item).transpose()
    }

    /// Replaces a segment by one that has more vectors, which are now so far. Returns `false` if another segment is in use,
    /// or a worker is indexing the document: it would not know of this one.
    pub async fn replace_segment(
        &self,
        id: &DocumentId,
        (old, new): (&str, &str),
        embedding: &Embedding,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .store
            .app()
            .part_update(&keys::document(&self.org, id))
            .update_expression(format!(
                "SET #segment = :new, replaced_segment = :old, {EMBEDDING} = :embedding REMOVE {EMBEDDED_BATCHES}"
            ))
            .condition_expression("#segment = :old AND done >= want")
            .expression_attribute_names("#segment", "segment")
            .expression_attribute_values(":old", s(old))
            .expression_attribute_values(":new", s(new))
            .expression_attribute_values(":embedding", value(embedding)?);
        let parts = vec![part(update)?, self.part_note_change(id, now)?];
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }
}
