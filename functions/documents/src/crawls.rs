//! Crawls: the pages of a web site as documents.

use app::{CrawlChange, NewCrawl};
use domain::{
    Crawl, CrawlEnd, CrawlId, CrawlOptions, CrawlStatus, RefreshInterval, Timestamp,
    auth::permission::{ReadDocuments, WriteDocuments},
};
use garde::Validate;
use http_api::{Body, Ctx, Json, Listing, May, NoContent, Paging, Path, Query, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// How often something is fetched again.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Refresh {
    /// `day`, `week` or `month` (30 days).
    pub(crate) every: RefreshInterval,
}

/// What a crawl reads.
#[derive(Default, Deserialize, Validate, JsonSchema)]
#[schemars(rename = "CrawlSettings")]
pub(crate) struct CrawlInput {
    /// How many links a page may be away from the first one; 1 if omitted.
    #[garde(inner(range(max = CrawlOptions::MAX_DEPTH)))]
    depth: Option<u32>,
    /// Maximum number of documents, 100 if omitted. The plan of the organization limits them too.
    #[garde(inner(range(min = 1, max = CrawlOptions::MAX_PAGES)))]
    max_pages: Option<u32>,
    /// Further hosts whose pages are read, such as `docs.example.com`. Without them, only pages of the address's own
    /// host are read.
    #[garde(length(max = CrawlOptions::MAX_HOSTS), inner(inner(length(bytes, max = CrawlOptions::MAX_PREFIX))))]
    hosts: Option<Vec<String>>,
    /// Starts of paths, such as `/docs/`: only such pages are read. The first page is always read.
    #[garde(length(max = CrawlOptions::MAX_PREFIXES), inner(inner(length(bytes, max = CrawlOptions::MAX_PREFIX))))]
    include: Option<Vec<String>>,
    /// Starts of paths, such as `/blog/`: such pages are not read.
    #[garde(length(max = CrawlOptions::MAX_PREFIXES), inner(inner(length(bytes, max = CrawlOptions::MAX_PREFIX))))]
    exclude: Option<Vec<String>>,
}

impl CrawlInput {
    /// Returns what is read from this address. Without settings of its own, a sitemap alone is read.
    pub(crate) fn options(settings: Option<Self>, url: String, sitemap: bool) -> CrawlOptions {
        let depth = u32::from(settings.is_some());
        let settings = settings.unwrap_or_default();
        CrawlOptions {
            url,
            depth: settings.depth.unwrap_or(depth),
            max_pages: settings.max_pages.unwrap_or(CrawlOptions::DEFAULT_PAGES),
            sitemap,
            hosts: settings.hosts.unwrap_or_default(),
            include: settings.include.unwrap_or_default(),
            exclude: settings.exclude.unwrap_or_default(),
        }
    }
}

/// A crawl.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Crawl")]
pub(crate) struct CrawlView {
    id: String,
    /// The address of the first page, or of a sitemap.
    url: String,
    status: CrawlStatus,
    depth: u32,
    max_pages: u32,
    sitemap: bool,
    hosts: Vec<String>,
    include: Vec<String>,
    exclude: Vec<String>,
    /// The tags of its documents.
    tags: Vec<String>,
    pages: CrawlPages,
    /// The first 50 pages that did not become documents.
    refusals: Vec<RefusedPage>,
    /// Why it has finished, if it has.
    end: Option<CrawlEnd>,
    /// Why it failed, if it did: a sentence.
    error: Option<String>,
    /// The same as a code, such as `robots_disallowed`, `no_sitemap` or `not_found`.
    error_code: Option<String>,
    /// How often it is repeated.
    refresh: Option<Refresh>,
    /// When it is repeated next.
    next_refresh_at: Option<Timestamp>,
    /// Number of the present run, or the last one.
    run: u32,
    /// ID of the user who created it.
    user_id: String,
    org_id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When the last run ended.
    finished_at: Option<Timestamp>,
}

/// What a crawl has done.
#[derive(Serialize, JsonSchema)]
struct CrawlPages {
    /// Documents that it has created, in all runs.
    stored: u32,
    /// Pages that this run has found: read or still to be read.
    found: u32,
    /// Pages that this run has requested.
    fetched: u32,
    /// Documents whose text has not changed since the last run.
    unchanged: u32,
    /// Documents that got a new version in this run.
    updated: u32,
    /// Documents whose page is gone; they stay.
    gone: u32,
    /// Pages that did not become documents in this run.
    refused: u32,
}

/// A page that did not become a document.
#[derive(Serialize, JsonSchema)]
struct RefusedPage {
    url: String,
    /// Why: `robots_disallowed`, `noindex`, `duplicate`, `outside`, `document_deleted`, `no_sitemap`, `invalid_sitemap`,
    /// or why it could not be fetched, as in `error_code` of a document.
    code: String,
}

impl From<Crawl> for CrawlView {
    fn from(crawl: Crawl) -> Self {
        let (error_code, error) = crawl.failure.map(|failure| (failure.code, failure.detail)).unzip();
        // The due time of an active crawl only makes sure that it goes on.
        let next = crawl
            .due_ms
            .filter(|_| crawl.every.is_some() && !crawl.status.is_active());
        let refusal = |refused: domain::documents::crawl::RefusedPage| RefusedPage {
            url: refused.url,
            code: refused.code,
        };
        Self {
            id: crawl.id.0,
            url: crawl.options.url,
            status: crawl.status,
            depth: crawl.options.depth,
            max_pages: crawl.options.max_pages,
            sitemap: crawl.options.sitemap,
            hosts: crawl.options.hosts,
            include: crawl.options.include,
            exclude: crawl.options.exclude,
            tags: crawl.tags,
            pages: CrawlPages {
                stored: crawl.stored,
                found: crawl.tally.found,
                fetched: crawl.tally.fetched,
                unchanged: crawl.tally.unchanged,
                updated: crawl.tally.updated,
                gone: crawl.tally.gone,
                refused: crawl.tally.refused,
            },
            refusals: crawl.tally.refusals.into_iter().map(refusal).collect(),
            end: crawl.end,
            error,
            error_code,
            refresh: crawl.every.map(|every| Refresh { every }),
            next_refresh_at: next.and_then(|due| Timestamp::from_millisecond(due).ok()),
            run: crawl.run,
            user_id: crawl.created_by.0,
            org_id: crawl.org.0,
            created_at: crawl.created_at,
            updated_at: crawl.updated_at,
            finished_at: crawl.finished_at,
        }
    }
}

/// The state that a client may set.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum CrawlStatusPatch {
    /// Ends an active crawl. The documents that it has created stay.
    Cancelled,
}

/// A change of a crawl.
#[derive(Deserialize, Validate, JsonSchema)]
#[expect(clippy::option_option, reason = "null ends repetitions, absence changes nothing")]
pub(crate) struct CrawlPatch {
    /// `cancelled` ends an active crawl; it is not repeated.
    #[garde(skip)]
    status: Option<CrawlStatusPatch>,
    /// How often it is repeated; null: not at all.
    #[garde(skip)]
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Refresh>")]
    refresh: Option<Option<Refresh>>,
}

/// Tells a null from what was left out.
#[expect(clippy::option_option, reason = "null ends repetitions, absence changes nothing")]
pub(crate) fn given<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<Refresh>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The parameter `{crawl_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CrawlPath {
    crawl_id: CrawlId,
}

/// What becomes of the documents.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct DeletedCrawl {
    /// `true` deletes its documents too; by default they stay.
    #[serde(default)]
    with_documents: bool,
}

/// Returns the crawl to create.
pub(crate) fn new_crawl(options: CrawlOptions, tags: Vec<String>, refresh: Option<Refresh>) -> NewCrawl {
    NewCrawl {
        options,
        tags,
        refresh: refresh.map(|refresh| refresh.every),
    }
}

pub(crate) async fn list_crawls(app: Ctx, member: May<ReadDocuments>, page: Paging) -> Result<Listing<CrawlView>> {
    let found = app.list_crawls(&member.org.org, &page).await?;
    page.answer(found.map(CrawlView::from))
}

pub(crate) async fn get_crawl(
    app: Ctx,
    member: May<ReadDocuments>,
    Path(path): Path<CrawlPath>,
) -> Result<Json<CrawlView>> {
    Ok(Json(app.crawl(&member.org.org, &path.crawl_id).await?.into()))
}

pub(crate) async fn update_crawl(
    app: Ctx,
    member: May<WriteDocuments>,
    Path(path): Path<CrawlPath>,
    Body(body): Body<CrawlPatch>,
) -> Result<Json<CrawlView>> {
    let change = CrawlChange {
        cancel: body.status.is_some(),
        refresh: body.refresh.map(|refresh| refresh.map(|refresh| refresh.every)),
    };
    let actor = member.actor();
    let changed = app.update_crawl(&member.org, &actor, &path.crawl_id, change);
    Ok(Json(changed.await?.into()))
}

pub(crate) async fn delete_crawl(
    app: Ctx,
    member: May<WriteDocuments>,
    Path(path): Path<CrawlPath>,
    Query(deleted): Query<DeletedCrawl>,
) -> Result<NoContent> {
    let actor = member.actor();
    app.delete_crawl(&member.org, &actor, &path.crawl_id, deleted.with_documents)
        .await?;
    Ok(NoContent)
}
