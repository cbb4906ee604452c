//! Documents as clients see them.

use app::RequestedVectors;
use domain::{Document, DocumentKind, DocumentStatus, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::crawls::Refresh;

/// The result of an upload.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UploadedView {
    document_id: String,
    /// The same as `document_id`.
    id: String,
    name: String,
    status: DocumentStatus,
    /// What happens next, or what went wrong.
    message: String,
    /// ID of an earlier document of the organization whose file has the same bytes; it is not read again.
    duplicate_of: Option<String>,
}

impl From<Document> for UploadedView {
    fn from(document: Document) -> Self {
        let message = match (&document.status, &document.failure) {
            (DocumentStatus::Ready, _) => "The document is ready.".to_owned(),
            (DocumentStatus::Failed, Some(failure)) => failure.detail.clone(),
            _ => "The document was stored and is being indexed.".to_owned(),
        };
        Self {
            document_id: document.id.0.clone(),
            id: document.id.0,
            name: document.name,
            status: document.status,
            message,
            duplicate_of: document.duplicate_of.map(|id| id.0),
        }
    }
}

/// A document.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DocumentView {
    id: String,
    name: String,
    description: Option<String>,
    /// Its tags, sorted.
    tags: Vec<String>,
    status: DocumentStatus,
    /// Indexing progress in percent.
    progress: u8,
    /// Why indexing failed, if it did: a sentence.
    error: Option<String>,
    /// Why indexing failed, as a code: `encrypted`, `scanned`, `no_text`, `damaged`, `wrong_type`, `unknown_encoding`,
    /// `too_large`, `too_slow`, `empty`, `unreadable` or `internal`; of a web page also why it could not be fetched, such
    /// as `not_found`.
    error_code: Option<String>,
    file_name: String,
    file_type: DocumentKind,
    /// Size of the file in bytes.
    size_bytes: u64,
    /// Number of pages, for formats that have pages.
    pages: Option<u32>,
    /// Number of searchable passages.
    chunks: Option<u32>,
    /// How far the vectors are by which chatbots find passages by their meaning, in other words and languages; null if
    /// none are made. A document is `ready` before: its passages are found by their words.
    vectors: Option<VectorsView>,
    /// Number of scanned pages whose text a model transcribed, which may contain its mistakes.
    transcribed_pages: u32,
    /// Hex SHA-256 of the file; null until a web page is fetched.
    content_hash: Option<String>,
    /// ID of an earlier document of the organization whose file has the same bytes. It may have been deleted since.
    duplicate_of: Option<String>,
    /// Number of the version in use.
    version: u32,
    /// Number of the version that replaces it as soon as it is indexed.
    pending_version: Option<u32>,
    /// Number of the version that could not be indexed; `error` says why, and the one in use stays in use.
    failed_version: Option<u32>,
    /// ID of the user who uploaded it.
    user_id: String,
    org_id: String,
    /// Address of the web page that the document was created from.
    source_url: Option<String>,
    /// The address by which that page wants to be known.
    canonical_url: Option<String>,
    /// ID of the crawl that has created it, and fetches its page again.
    crawl_id: Option<String>,
    /// How often its page is fetched again.
    refresh: Option<Refresh>,
    /// When that is next due.
    next_refresh_at: Option<Timestamp>,
    /// When its page was last fetched again.
    checked_at: Option<Timestamp>,
    /// Why that was not possible, as a code such as `not_found`; the document stays as it is.
    check_error_code: Option<String>,
    /// The same as a sentence.
    check_error: Option<String>,
    /// Since when the site has no such page. Chatbots still answer from the document.
    page_gone_since: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Progress of the vectors of a document.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VectorsView {
    /// Number of passages that have a vector.
    done: u32,
    /// Number of passages.
    total: u32,
    /// Names the model that makes them.
    model: String,
    /// Why no more are made, if that is so: a sentence.
    error: Option<String>,
    /// The same as a code: `not_embedded`.
    error_code: Option<String>,
}

impl VectorsView {
    fn of(document: &Document) -> Option<Self> {
        let embedding = document.embedding.clone()?;
        let (error_code, error) = embedding.failure.map(|failure| (failure.code, failure.detail)).unzip();
        Some(Self {
            done: document.embedded()?,
            total: document.chunks?,
            model: embedding.embedder,
            error,
            error_code,
        })
    }
}

/// Vectors that were requested, or would be.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RequestedVectorsView {
    /// Names the model that makes them. Null if neither the organization nor this deployment has one: then none are made.
    model: Option<String>,
    /// Whether nothing was requested.
    dry_run: bool,
    /// Number of documents that lack vectors of this model.
    documents: u64,
    /// Number of their passages without one.
    passages: u64,
    /// Tokens that the model reads for them, as an estimate: 250 a passage, none with the built-in model.
    estimated_tokens: u64,
    /// List price of these in millionths of a US dollar; null if the model has no known price.
    estimated_cost_micro_usd: Option<u64>,
}

impl RequestedVectorsView {
    pub(crate) fn new(requested: RequestedVectors, dry_run: bool) -> Self {
        Self {
            model: requested.model,
            dry_run,
            documents: requested.documents,
            passages: requested.passages,
            estimated_tokens: requested.estimated_tokens,
            estimated_cost_micro_usd: requested.estimated_cost_micro_usd,
        }
    }
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        let vectors = VectorsView::of(&document);
        let (source_url, canonical_url) = document.web.map(|web| (web.url, web.canonical_url)).unzip();
        let (error_code, error) = document.failure.map(|failure| (failure.code, failure.detail)).unzip();
        let (checked_at, gone_since) = document
            .check
            .as_ref()
            .map(|check| (check.at, check.gone_since))
            .unzip();
        let check_failure = document.check.and_then(|check| check.failure);
        let (check_error_code, check_error) = check_failure.map(|failure| (failure.code, failure.detail)).unzip();
        Self {
            id: document.id.0,
            name: document.name,
            description: document.description,
            tags: document.tags,
            status: document.status,
            progress: document.progress,
            error,
            error_code,
            file_name: document.file_name,
            file_type: document.kind,
            size_bytes: document.size_bytes,
            pages: document.pages,
            chunks: document.chunks,
            vectors,
            transcribed_pages: document.transcribed_pages,
            content_hash: Some(document.sha256).filter(|hash| !hash.is_empty()),
            duplicate_of: document.duplicate_of.map(|id| id.0),
            version: document.version,
            pending_version: document.wanted_version,
            failed_version: document.failed_version,
            user_id: document.created_by.0,
            org_id: document.org.0,
            source_url,
            canonical_url: canonical_url.flatten(),
            crawl_id: document.crawl.map(|id| id.0),
            refresh: document.refresh_every.map(|every| Refresh { every }),
            next_refresh_at: document.due_ms.and_then(|due| Timestamp::from_millisecond(due).ok()),
            checked_at,
            check_error_code,
            check_error,
            page_gone_since: gone_since.flatten(),
            created_at: document.created_at,
            updated_at: document.updated_at,
        }
    }
}
