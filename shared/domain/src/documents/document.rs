//! Documents and their states from upload to searchable.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    embedding::Embedding,
    refresh::{PageCheck, RefreshInterval},
    web_source::WebSource,
};
use crate::{CrawlId, DocumentId, OrgId, Timestamp, UserId};

/// Maximum file size in a request, in bytes. Lambda accepts 6 MB, a third of which base64 takes up, and the other
/// parts, the headers and the gateway's request metadata count too.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_FORM_FILE_BYTES: u64 = 4_500_000;

/// Maximum size of a file that is all text, in bytes. Extraction accepts 20 MiB of text, in which headings count again
/// for what is below them.
pub const MAX_TEXT_FILE_BYTES: u64 = 20_000_000;

/// File types that can be indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// Portable Document Format.
    Pdf,
    /// Office Open XML text.
    Docx,
    /// Plain text.
    Txt,
    /// Markdown.
    Md,
    /// Source code, configuration, logs and data as text.
    Code,
    /// Comma, semicolon or tab separated values.
    Csv,
    /// Office Open XML spreadsheet.
    Xlsx,
    /// Office Open XML presentation.
    Pptx,
    /// `OpenDocument` text.
    Odt,
    /// `OpenDocument` spreadsheet.
    Ods,
    /// `OpenDocument` presentation.
    Odp,
    /// Rich Text Format.
    Rtf,
    /// Web page.
    Html,
    /// Electronic book.
    Epub,
    /// Email message.
    Eml,
}

impl DocumentKind {
    /// Returns the largest file of this type whose text can be indexed, in bytes; `None` if only the plan limits it.
    /// A file that is all text has as much text as bytes, so it is refused at once rather than when it is read.
    pub const fn max_text_file_bytes(self) -> Option<u64> {
        match self {
            Self::Txt | Self::Md | Self::Code | Self::Csv => Some(MAX_TEXT_FILE_BYTES),
            _ => None,
        }
    }
}

/// The state of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentStatus {
    /// Stored, waiting for a worker.
    Pending,
    /// A worker is indexing it.
    Processing,
    /// Chatbots answer from it.
    Ready,
    /// It cannot be indexed; `failure` has the reason.
    Failed,
}

/// Why a document could not be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFailure {
    /// Stable `snake_case` word: `encrypted`, `scanned`, `no_text`, `damaged`, `wrong_type`, `unknown_encoding`,
    /// `too_large`, `too_slow`, `empty`, `unreadable`, `internal`.
    pub code: String,
    /// A sentence that tells the user what to do.
    pub detail: String,
}

/// The pages of a long file that were read so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Object key of their text.
    pub key: String,
    /// Number of pages that are done: read, and transcribed if they are scans.
    pub pages: u32,
    /// The number of pages.
    pub of: u32,
}

impl Checkpoint {
    /// Returns the indexing progress, percent.
    pub fn percent(&self) -> u8 {
        Self::percent_of(self.pages, self.of)
    }

    /// Returns the indexing progress when `pages` of so many are read, percent: the last fifth is for the index.
    pub fn percent_of(pages: u32, of: u32) -> u8 {
        let percent = u64::from(pages) * 80 / u64::from(of.max(1));
        u8::try_from(percent.min(80)).unwrap_or(80)
    }
}

/// An uploaded document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its ID.
    pub id: DocumentId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who uploaded it.
    pub created_by: UserId,
    /// Name shown in lists and citations.
    pub name: String,
    /// Description by the uploader.
    pub description: Option<String>,
    /// Its tags, normalized ([`super::tags`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Name of the uploaded file.
    pub file_name: String,
    /// The file type according to its name; the content decides how it is read.
    pub kind: DocumentKind,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Hex SHA-256 of the file.
    pub sha256: String,
    /// Its state.
    pub status: DocumentStatus,
    /// Indexing progress, percent.
    pub progress: u8,
    /// Why it failed, if it did.
    pub failure: Option<IndexFailure>,
    /// Number of pages, for formats that have them.
    pub pages: Option<u32>,
    /// Number of searchable passages.
    pub chunks: Option<u32>,
    /// Number of scanned pages whose text a model transcribed.
    #[serde(default)]
    pub transcribed_pages: u32,
    /// Object key of the segment in use; `None` before the first success.
    pub segment: Option<String>,
    /// Version of the reader that made the segment; 0 if unknown.
    #[serde(default)]
    pub reader_version: u32,
    /// An earlier document of the organization whose file has the same bytes. It may have been deleted since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<DocumentId>,
    /// The pages that were read of the generation that is being indexed.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
    /// Object key of the segment before it, which a search that began earlier may still read; deleted when the next one
    /// is in use.
    #[serde(default)]
    pub replaced_segment: Option<String>,
    /// How far the vectors of the segment are; `None` if none are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
    /// The batches of vectors that are finished and not yet part of the segment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub embedded_batches: BTreeSet<u32>,
    /// Requested generation. A reindex increments it and clears the attempts of the previous one.
    pub want: u64,
    /// Last generation that finished, ready or permanently failed.
    pub done: u64,
    /// Object key of the file in use; `None` for that of the first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Number of the version in use.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Number of the version that was added last.
    #[serde(default = "first_version")]
    pub latest_version: u32,
    /// The version that is to replace the one in use as soon as it is indexed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_version: Option<u32>,
    /// The version that `failure` is about, if another one is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_version: Option<u32>,
    /// Size of all versions that are kept, bytes; `None` if there was only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_bytes: Option<u64>,
    /// Where it is from, if it was not uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<WebSource>,
    /// The crawl that has created it, which also fetches it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crawl: Option<CrawlId>,
    /// How often its page is fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_every: Option<RefreshInterval>,
    /// When that is due, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// The last time that its page was fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<PageCheck>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What is known of a document before it is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// Its ID.
    pub id: DocumentId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who uploaded it.
    pub created_by: UserId,
    /// Name shown in lists and citations.
    pub name: String,
    /// Description by the uploader.
    pub description: Option<String>,
    /// Its tags, normalized ([`super::tags`]).
    pub tags: Vec<String>,
    /// Name of the file.
    pub file_name: String,
    /// The file type.
    pub kind: DocumentKind,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Hex SHA-256 of the file.
    pub sha256: String,
}

const fn first_version() -> u32 {
    1
}

impl Document {
    /// Creates a document whose first generation is requested.
    pub fn new(new: NewDocument, now: Timestamp) -> Self {
        Self {
            id: new.id,
            org: new.org,
            created_by: new.created_by,
            name: new.name,
            description: new.description,
            tags: new.tags,
            file_name: new.file_name,
            kind: new.kind,
            size_bytes: new.size_bytes,
            sha256: new.sha256,
            status: DocumentStatus::Pending,
            progress: 0,
            failure: None,
            pages: None,
            chunks: None,
            transcribed_pages: 0,
            segment: None,
            reader_version: 0,
            duplicate_of: None,
            checkpoint: None,
            replaced_segment: None,
            embedding: None,
            embedded_batches: BTreeSet::new(),
            want: 1,
            done: 0,
            source: None,
            version: first_version(),
            latest_version: first_version(),
            wanted_version: None,
            failed_version: None,
            kept_bytes: None,
            web: None,
            crawl: None,
            refresh_every: None,
            due_ms: None,
            check: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Maximum name length, in characters.
    pub const MAX_NAME: usize = 200;
    /// Maximum description length, in characters.
    pub const MAX_DESCRIPTION: usize = 2000;

    /// Returns the prefix of a document's object keys.
    pub fn folder(org: &OrgId, id: &DocumentId) -> String {
        format!("t/{org}/d/{id}/")
    }

    /// Returns the object key of the uploaded file.
    pub fn source_key(org: &OrgId, id: &DocumentId) -> String {
        format!("{}source", Self::folder(org, id))
    }

    /// Returns the object key of the file of a later version.
    pub fn version_key(org: &OrgId, id: &DocumentId, unique: &DocumentId) -> String {
        format!("{}-{unique}", Self::source_key(org, id))
    }

    /// Returns the object key of the text of a web page, as it is downloaded.
    pub fn text_key(org: &OrgId, id: &DocumentId) -> String {
        format!("{}text", Self::folder(org, id))
    }

    /// Returns the object key of the first pages of the file, as read for a generation.
    pub fn checkpoint_key(org: &OrgId, id: &DocumentId, generation: u64, pages: u32) -> String {
        format!("{}{generation}-{pages}.pages", Self::folder(org, id))
    }

    /// Returns the object key of the segment with this content hash (32 hex digits).
    pub fn segment_key(org: &OrgId, id: &DocumentId, content_hash: &str) -> String {
        format!("{}{content_hash}.seg", Self::folder(org, id))
    }

    /// Returns the object key of the vectors of a batch of a segment's passages.
    pub fn batch_key(segment: &str, embedder: &str, number: u32) -> String {
        let segment = segment.strip_suffix(".seg").unwrap_or(segment);
        format!("{segment}-{embedder}-{number}.vec")
    }

    /// Returns how many passages have a vector, if vectors are made.
    pub fn embedded(&self) -> Option<u32> {
        let embedding = self.embedding.as_ref()?;
        Some(embedding.done_with(&self.embedded_batches))
    }

    /// Returns the page that is still to be fetched: the document has no file yet.
    pub fn unfetched(&self) -> Option<&WebSource> {
        self.web.as_ref().filter(|web| web.fetched_at.is_none())
    }

    /// Returns whether indexing is still pending.
    pub fn is_unfinished(&self) -> bool {
        self.done < self.want
    }
}
