//! Documents and their way from upload to searchable.

use serde::{Deserialize, Serialize};

use crate::{DocumentId, OrgId, Timestamp, UserId};

/// Largest file that fits into a request, in bytes: Lambda takes 6 MB, of which base64 needs a third, and the other
/// parts, the headers and what the gateway says of the request go with it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_FORM_FILE_BYTES: u64 = 4_500_000;

/// File types that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// Portable Document Format.
    Pdf,
    /// Office Open XML text.
    Docx,
    /// Plain text.
    Txt,
}

/// Where a document is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentStatus {
    /// Stored, waiting for a worker.
    Pending,
    /// A worker reads it.
    Processing,
    /// Chatbots answer from it.
    Ready,
    /// It cannot be read; `failure` says why.
    Failed,
}

/// Why a document could not be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFailure {
    /// Stable `snake_case` word: `encrypted`, `no_text`, `damaged`, `wrong_type`, `too_large`, `too_slow`, `empty`,
    /// `unreadable`, `internal`.
    pub code: String,
    /// A sentence a person can act on.
    pub detail: String,
}

/// An uploaded document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its ID.
    pub id: DocumentId,
    /// The tenant.
    pub org: OrgId,
    /// Who uploaded it.
    pub created_by: UserId,
    /// Name shown in lists and citations.
    pub name: String,
    /// What it is about, in the uploader's words.
    pub description: Option<String>,
    /// Name of the uploaded file.
    pub file_name: String,
    /// How it is read.
    pub kind: DocumentKind,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Hex SHA-256 of the file.
    pub sha256: String,
    /// Where it is on its way.
    pub status: DocumentStatus,
    /// Indexing progress, percent.
    pub progress: u8,
    /// Why it failed, when it did.
    pub failure: Option<IndexFailure>,
    /// Pages, for formats that have them.
    pub pages: Option<u32>,
    /// Searchable passages.
    pub chunks: Option<u32>,
    /// Object key of the segment that serves now; none before the first success.
    pub segment: Option<String>,
    /// Generation that someone asked for; a reindex adds one, and removes what is known of attempts at the one before.
    pub want: u64,
    /// Last generation that came to an end, ready or failed for good.
    pub done: u64,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Document {
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 200;
    /// Longest description, in characters.
    pub const MAX_DESCRIPTION: usize = 2000;

    /// Beginning of the object keys of a document.
    pub fn folder(org: &OrgId, id: &DocumentId) -> String {
        format!("t/{org}/d/{id}/")
    }

    /// Object key of the uploaded file.
    pub fn source_key(org: &OrgId, id: &DocumentId) -> String {
        format!("{}source", Self::folder(org, id))
    }

    /// Object key of the segment with this content hash (32 hex digits).
    pub fn segment_key(org: &OrgId, id: &DocumentId, content_hash: &str) -> String {
        format!("{}{content_hash}.seg", Self::folder(org, id))
    }

    /// Whether work on it is still wanted.
    pub fn is_unfinished(&self) -> bool {
        self.done < self.want
    }
}
