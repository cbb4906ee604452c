//! A file that a client announced and uploads directly to the bucket, for files too large for a request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Document, DocumentId, DocumentKind, Entitlements, Error, OrgId, Result, Timestamp, UserId,
    documents::document::NewDocument,
};

/// An announced file. The document has the same ID once the upload is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingUpload {
    /// Its ID, which is also that of the document.
    pub id: DocumentId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who announced it.
    pub created_by: UserId,
    /// Name of the document.
    pub name: String,
    /// Description of the document.
    pub description: Option<String>,
    /// Tags of the document, normalized ([`super::tags`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Name of the file.
    pub file_name: String,
    /// The file type.
    pub kind: DocumentKind,
    /// Exact size of the file, bytes.
    pub size_bytes: u64,
    /// The document of which it is to become the next version; a new document if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<DocumentId>,
    /// Whether it became a version. An upload that became a document is gone.
    #[serde(default)]
    pub completed: bool,
    /// When it was announced.
    pub created_at: Timestamp,
    /// Until when the file can be uploaded and the upload completed.
    pub expires_at: Timestamp,
}

impl PendingUpload {
    /// How long a file can be uploaded and its upload completed.
    pub const LIFETIME: Duration = Duration::from_hours(1);
    /// How long after that a file may still arrive, because S3 checks the time when a request starts. The bucket is
    /// swept afterwards.
    pub const LATE_ARRIVAL: Duration = Duration::from_hours(24);

    /// Maximum media type length, in bytes.
    pub const MAX_CONTENT_TYPE: usize = 255;

    /// Returns the largest file of this type that an organization may have, in bytes.
    pub fn max_size(kind: DocumentKind, own: &Entitlements) -> u64 {
        let limit = own.limits.file_bytes;
        kind.max_text_file_bytes().map_or(limit, |text| text.min(limit))
    }

    /// Checks the announced size against the limit of the organization, and that of the text of a document.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/size`.
    pub fn check_size(bytes: u64, kind: DocumentKind, own: &Entitlements) -> Result<()> {
        let limit = Self::max_size(kind, own);
        if (1..=limit).contains(&bytes) {
            return Ok(());
        }
        if bytes > limit && kind.max_text_file_bytes() == Some(limit) {
            let detail = format!("must be at most {limit} bytes for a text file; divide it into several files");
            return Err(Error::invalid("/size", detail));
        }
        let scope = if limit == own.plan.limits().file_bytes {
            format!("on the {} plan", own.plan.name())
        } else {
            "in this organization".to_owned()
        };
        let detail = format!("must be between 1 and {limit} bytes {scope}");
        Err(Error::invalid("/size", detail))
    }

    /// Returns whether it has expired and can no longer be completed.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Returns the object key of the file.
    pub fn file_key(&self) -> String {
        match &self.replaces {
            None => Document::source_key(&self.org, &self.id),
            Some(document) => Document::version_key(&self.org, document, &self.id),
        }
    }

    /// Returns the document it becomes. `sha256` is that of the file, in hex.
    pub fn into_document(self, sha256: String, now: Timestamp) -> Document {
        let new = NewDocument {
            id: self.id,
            org: self.org,
            created_by: self.created_by,
            name: self.name,
            description: self.description,
            tags: self.tags,
            file_name: self.file_name,
            kind: self.kind,
            size_bytes: self.size_bytes,
            sha256,
        };
        Document::new(new, now)
    }
}

/// Objects of a document that may be orphaned, to be checked when no file can arrive for it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadSweep {
    /// The organization that owns it.
    pub org: OrgId,
    /// The document, or the upload that never became one.
    pub document: DocumentId,
    /// Object key of the file that is to be removed unless it is a version of the document; all files of a deleted
    /// document if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// When it is due, milliseconds since the Unix epoch.
    pub due_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, documents::document::MAX_TEXT_FILE_BYTES};

    fn on(plan: Plan) -> Entitlements {
        Entitlements::resolve(plan, None, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_file_is_as_large_as_the_plan_allows() {
        const MIB: u64 = 1024 * 1024;
        for (plan, limit) in [(Plan::Free, 25 * MIB), (Plan::Pro, 50 * MIB), (Plan::Team, 100 * MIB)] {
            let check = |size| PendingUpload::check_size(size, DocumentKind::Pdf, &on(plan));
            assert!(check(limit).is_ok() && check(1).is_ok());
            for wrong in [0, limit + 1] {
                assert!(
                    matches!(check(wrong), Err(Error::Invalid(_))),
                    "{wrong} on {}",
                    plan.name()
                );
            }
        }
    }

    #[test]
    fn a_file_that_is_all_text_is_no_larger_than_the_text_that_can_be_indexed() {
        for kind in [
            DocumentKind::Txt,
            DocumentKind::Md,
            DocumentKind::Code,
            DocumentKind::Csv,
        ] {
            for plan in Plan::ALL {
                assert!(PendingUpload::check_size(MAX_TEXT_FILE_BYTES, kind, &on(plan)).is_ok());
                assert!(PendingUpload::check_size(MAX_TEXT_FILE_BYTES + 1, kind, &on(plan)).is_err());
            }
        }
    }
}
