//! Versions of a document: the files that it had, of which one is in use.

use serde::{Deserialize, Serialize};

use super::document::{Document, DocumentKind, IndexFailure};
use crate::{Timestamp, UserId};

/// Maximum number of versions that are kept of one document; the oldest ones that are not in use go first.
pub const MAX_VERSIONS: usize = 10;

/// One version of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentVersion {
    /// Its number, from 1.
    pub number: u32,
    /// Name of the file.
    pub file_name: String,
    /// The file type.
    pub kind: DocumentKind,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Hex SHA-256 of the file.
    pub sha256: String,
    /// Object key of the file.
    pub source: String,
    /// The user who uploaded it.
    pub created_by: UserId,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// Why it could not be indexed, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<IndexFailure>,
}

impl Document {
    /// Returns the version in use of a document that never had another one.
    pub fn only_version(&self) -> DocumentVersion {
        DocumentVersion {
            number: self.version,
            file_name: self.file_name.clone(),
            kind: self.kind,
            size_bytes: self.size_bytes,
            sha256: self.sha256.clone(),
            source: self.file_key(),
            created_by: self.created_by.clone(),
            created_at: self.created_at,
            failure: None,
        }
    }

    /// Returns the document as if it had the file of this version: what a worker indexes.
    #[must_use]
    pub fn with_file_of(self, version: &DocumentVersion) -> Self {
        Self {
            file_name: version.file_name.clone(),
            kind: version.kind,
            size_bytes: version.size_bytes,
            sha256: version.sha256.clone(),
            source: Some(version.source.clone()),
            ..self
        }
    }

    /// Returns the object key of the file in use.
    pub fn file_key(&self) -> String {
        let first = || Self::source_key(&self.org, &self.id);
        self.source.clone().unwrap_or_else(first)
    }

    /// Returns the size of all versions that are kept, bytes: what counts as storage.
    pub fn stored_bytes(&self) -> u64 {
        self.kept_bytes.unwrap_or(self.size_bytes)
    }
}
