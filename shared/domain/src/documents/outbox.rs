//! The outbox: work that a request promised and a crash must not lose.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DocumentId, OrgId};

/// An entry is only relayed when its request had this long to finish by itself.
pub const RELAY_AFTER: Duration = Duration::from_mins(15);

/// One promise. It is written before the work starts and removed when the work is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The document it is about.
    pub document: DocumentId,
    /// The tenant.
    pub org: OrgId,
    /// What is left to do.
    pub step: OutboxStep,
    /// When the promise was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
}

/// What is left to do for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxStep {
    /// An upload began and was not acknowledged: give it up.
    AbandonUpload,
    /// The upload was given up and cannot be acknowledged any more: remove what it left in the bucket.
    RemoveUpload,
    /// A document was acknowledged: its indexing message has to be in the queue.
    SendIndexMessage,
}

/// The body of a message in the `index_documents` queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexMessage {
    /// The tenant.
    pub org_id: OrgId,
    /// The document.
    pub document_id: DocumentId,
}
