//! The transactional outbox: work that a request committed to and a crash must not lose.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DocumentId, OrgId};

/// An entry is only relayed after its request had this long to finish by itself.
pub const RELAY_AFTER: Duration = Duration::from_mins(15);

/// An outbox entry. It is written before the work starts and removed when the work is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The document concerned.
    pub document: DocumentId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The remaining step.
    pub step: OutboxStep,
    /// When the entry was written, in milliseconds since the Unix epoch.
    pub created_ms: i64,
}

/// The remaining step of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxStep {
    /// An upload started and was not acknowledged: abandon it.
    AbandonUpload,
    /// The upload was abandoned and can no longer be acknowledged: remove its objects from the bucket.
    RemoveUpload,
    /// A document was acknowledged: its indexing message must be in the queue.
    SendIndexMessage,
}

/// The body of a message in the `index_documents` queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexMessage {
    /// The organization that owns it.
    pub org_id: OrgId,
    /// The document.
    pub document_id: DocumentId,
}
