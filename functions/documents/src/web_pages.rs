//! Documents from addresses of web pages.

use std::time::Duration;

use app::NewWebPage;
use domain::{
    Document, DocumentKind, DocumentStatus, Timestamp, WebSource,
    auth::permission::WriteDocuments,
    documents::tags::{MAX_TAG, MAX_TAGS},
};
use garde::Validate;
use http_api::{Body, Created, Ctx, Either, May, Result, Wait, not_blank, optional_name, readable_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    crawls::{CrawlInput, CrawlView, Refresh, new_crawl},
    non_empty,
};

/// How long the response waits for the document to be indexed if the client does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(8);

/// A web page to add.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewWebPageInput {
    /// Address of the page, or of a document on the web: `https://example.com/page`. Only public `http` and `https`
    /// addresses without credentials can be read.
    #[garde(length(bytes, min = 1, max = WebSource::MAX_URL), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    url: String,
    /// Name shown in lists and citations; the title of the page if omitted.
    #[garde(length(chars, max = Document::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
    /// What the document is about.
    #[garde(length(chars, max = Document::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// Tags, at most 20. Stored in lower case, sorted, each once.
    #[garde(length(max = MAX_TAGS), inner(inner(length(chars, max = MAX_TAG), custom(optional_name))))]
    #[schemars(inner(length(max = MAX_TAG), regex(pattern = http_api::OPTIONAL_NAME)))]
    tags: Option<Vec<String>>,
    /// Reads the pages that the page links to as documents too, in the background, and returns the crawl.
    #[garde(dive)]
    crawl: Option<CrawlInput>,
    /// Reads the pages of the site's sitemaps, or of the sitemap at `url`, in the background, and returns the crawl.
    #[garde(skip)]
    sitemap: Option<bool>,
    /// Fetches the page again, or repeats the crawl: what has changed becomes a new version of its document.
    #[garde(skip)]
    refresh: Option<Refresh>,
}

/// A document from a web page.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WebPageView {
    document_id: String,
    /// The same as `document_id`.
    id: String,
    name: String,
    description: Option<String>,
    /// `ready`, or `pending` if the page is large or its site slow: it is then read in the background.
    status: DocumentStatus,
    /// What happens next, or what went wrong.
    message: String,
    metadata: WebPageMetadata,
}

/// What is known of the page.
#[derive(Serialize, JsonSchema)]
struct WebPageMetadata {
    /// The requested address.
    source_url: Option<String>,
    /// The address by which the page wants to be known, else the one after all redirects; null until it is fetched.
    canonical_url: Option<String>,
    /// Language of the page, as a BCP 47 tag.
    language: Option<String>,
    file_type: DocumentKind,
    /// Size of the page in bytes.
    size_bytes: u64,
    /// Hex SHA-256 of the page; null until it is fetched.
    content_hash: Option<String>,
    /// Entity tag that the site sent.
    etag: Option<String>,
    /// `Last-Modified` that the site sent, as it was sent.
    last_modified: Option<String>,
    fetched_at: Option<Timestamp>,
}

impl From<Document> for WebPageView {
    fn from(document: Document) -> Self {
        let message = match (&document.status, &document.failure) {
            (DocumentStatus::Ready, _) => "The document is ready.".to_owned(),
            (DocumentStatus::Failed, Some(failure)) => failure.detail.clone(),
            _ if document.unfetched().is_some() => "The page is being fetched and will then be indexed.".to_owned(),
            _ => "The page was stored and is being indexed.".to_owned(),
        };
        let web = document.web.as_ref();
        let metadata = WebPageMetadata {
            source_url: web.map(|web| web.url.clone()),
            canonical_url: web.and_then(|web| web.canonical_url.clone()),
            language: web.and_then(|web| web.language.clone()),
            file_type: document.kind,
            size_bytes: document.size_bytes,
            content_hash: Some(document.sha256.clone()).filter(|hash| !hash.is_empty()),
            etag: web.and_then(|web| web.etag.clone()),
            last_modified: web.and_then(|web| web.last_modified.clone()),
            fetched_at: web.and_then(|web| web.fetched_at),
        };
        Self {
            document_id: document.id.0.clone(),
            id: document.id.0,
            name: document.name,
            description: document.description,
            status: document.status,
            message,
            metadata,
        }
    }
}

pub(crate) async fn create_document_from_url(
    app: Ctx,
    member: May<WriteDocuments>,
    wait: Wait,
    Body(input): Body<NewWebPageInput>,
) -> Result<Either<Created<WebPageView>, Created<CrawlView>>> {
    let sitemap = input.sitemap.unwrap_or_default();
    if sitemap || input.crawl.is_some() {
        let options = CrawlInput::options(input.crawl, input.url, sitemap);
        let new = new_crawl(options, input.tags.unwrap_or_default(), input.refresh);
        let actor = member.actor();
        let crawl = app.create_crawl(&member.org, &actor, new).await?;
        return Ok(Either::Right(Created(crawl.into())));
    }
    let new = NewWebPage {
        url: input.url,
        name: non_empty(input.name),
        description: non_empty(input.description),
        tags: input.tags.unwrap_or_default(),
        refresh: input.refresh.map(|refresh| refresh.every),
    };
    let document = app.add_web_page(&member.org, new).await?;
    if wait.0.is_none() && document.unfetched().is_some() {
        // It takes longer than clients wait unless they ask for it.
        return Ok(Either::Left(Created(document.into())));
    }
    let at_most = wait.0.unwrap_or(DEFAULT_WAIT);
    let document = app.wait_until_indexed(&document, at_most).await?;
    Ok(Either::Left(Created(document.into())))
}
