//! Documents that are pages of the web: fetched within the request if the site is fast and the page small, else by the
//! worker that indexes them.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use domain::{
    Document, DocumentKind, Entitlements, Error, IndexFailure, Membership, PendingUpload, RefreshInterval, Result,
    Timestamp, WebSource, documents::document::NewDocument, documents::tags::normalize_tags,
};
use fetch::{Conditions, FetchError, Fetched, Fetcher, Limits, MediaType, PrivateHosts, Url};
use futures::future::BoxFuture;
use retrieval::{HtmlPage, Kind, SourceLocation};
use sha2::{Digest as _, Sha256};
use store::FileStored;

use crate::{
    App,
    documents::{
        index_document::lease_lost,
        upload::{kind_by_name, kind_of},
    },
};

/// Limits of a fetch within a request: the response must come in time, and all that the function does fits into its
/// memory.
const INLINE: Limits = Limits {
    first_byte: Duration::from_secs(8),
    total: Duration::from_secs(10),
    received_bytes: 5_000_000,
    decompressed_bytes: 8_000_000,
};
/// Time limit of a fetch by the worker, which then has to read the file too.
const WORKER_TOTAL: Duration = Duration::from_secs(30);
/// After this many deliveries a site that could not be reached fails the document: after about a minute.
const MAX_DELIVERIES: u32 = 5;

/// The client of web sites, made when it is first needed: most functions never do.
#[derive(Debug)]
pub(crate) struct LazyFetcher {
    private_hosts: PrivateHosts,
    fetcher: OnceLock<Fetcher>,
}

impl LazyFetcher {
    pub(crate) fn new(private_hosts: PrivateHosts) -> Self {
        Self {
            private_hosts,
            fetcher: OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Result<&Fetcher> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher);
        }
        let new = Fetcher::new(self.private_hosts.clone()).map_err(Error::internal)?;
        Ok(self.fetcher.get_or_init(|| new))
    }
}

/// A page to add as a document.
#[derive(Debug)]
pub struct NewWebPage {
    /// Its address.
    pub url: String,
    /// Name shown in lists and citations; the title of the page if `None`.
    pub name: Option<String>,
    /// Description of the document.
    pub description: Option<String>,
    /// Its tags, as given.
    pub tags: Vec<String>,
    /// How often the page is fetched again.
    pub refresh: Option<RefreshInterval>,
}

/// What a page is as a file.
#[derive(Debug, Clone)]
pub(super) struct PageFile {
    pub(super) bytes: Bytes,
    pub(super) kind: DocumentKind,
    pub(super) file_name: String,
    pub(super) web: WebSource,
    /// Its address after redirects.
    pub(super) url: String,
    /// What it says about itself, if it is one of HTML.
    pub(super) page: HtmlPage,
}

impl App {
    /// Fetches a page, stores it as a document and queues its indexing. A page that is slow or large is fetched by the
    /// worker that indexes it.
    ///
    /// # Errors
    /// Returns [`Error::Unusable`] at `/url` for an address that may not be fetched and for a page that its site does
    /// not show; its code is one of [`FetchError::code`]. Returns [`Error::Limit`] if the plan allows no more.
    pub fn add_web_page<'a>(&'a self, member: &'a Membership, new: NewWebPage) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let (tags, refresh) = (normalize_tags(&new.tags)?, new.refresh);
            let client = self.fetcher.get()?;
            let target = client.target(&new.url).map_err(|error| unusable(&error))?;
            let url = target.url().to_string();
            if url.len() > WebSource::MAX_URL {
                return Err(unusable(&FetchError::InvalidUrl));
            }
            let own = self.entitlements_of(&member.org).await?;
            let web = WebSource::pending(url);
            let found = client.get(&web.url, &Conditions::default(), &INLINE).await;
            let file = match found.and_then(|found| self.page_file(found, web.clone(), &own)) {
                Ok(file) => Some(file),
                Err(error) if error.is_transient() || matches!(error, FetchError::TooLarge { .. }) => None,
                Err(error) => return Err(unusable(&error)),
            };
            let now = self.clock.now();
            let default_name = name_of(target.url());
            let new = NewDocument {
                id: self.ids.make()?,
                org: member.org.clone(),
                created_by: member.member.clone(),
                name: new.name.unwrap_or(default_name),
                description: new.description,
                tags,
                file_name: file_name(target.url(), None, DocumentKind::Html),
                kind: DocumentKind::Html,
                size_bytes: 0,
                sha256: String::new(),
            };
            let mut document = Document {
                web: Some(web),
                refresh_every: refresh,
                due_ms: refresh.map(|every| every.next_ms(now)),
                ..Document::new(new, now)
            };
            let bytes = file.map(|file| describe(&mut document, file, now));
            self.create_document(document, bytes, own).await
        })
    }

    /// Fetches the page of a document that has no file yet. Returns the document with its file, or why there is none.
    ///
    /// # Errors
    /// Returns an error if another delivery should try again.
    pub(crate) async fn fetch_file(
        &self,
        document: &Document,
        holder: &str,
        deliveries: u32,
    ) -> Result<std::result::Result<Document, IndexFailure>> {
        let Some(web) = document.unfetched() else {
            return Ok(Ok(document.clone()));
        };
        let own = self.entitlements_of(&document.org).await?;
        let max = own.limits.file_bytes;
        let limits = Limits {
            total: WORKER_TOTAL,
            first_byte: WORKER_TOTAL,
            received_bytes: max,
            decompressed_bytes: max,
        };
        let fetched = self.fetcher.get()?.get(&web.url, &Conditions::default(), &limits).await;
        let file = match fetched.and_then(|fetched| self.page_file(fetched, web.clone(), &own)) {
            Ok(file) => file,
            Err(error) if error.is_transient() && deliveries < MAX_DELIVERIES => {
                return Err(Error::unavailable(error));
            }
            Err(error) => return Ok(Err(failure(&error))),
        };
        let before = document;
        let mut document = before.clone();
        let bytes = describe(&mut document, file, self.clock.now());
        let key = Document::source_key(&document.org, &document.id);
        self.objects
            .put(&key, bytes, kind_of(document.kind).content_type())
            .await?;
        match self
            .store
            .documents(&document.org)
            .store_fetched(before, &document, holder, &own)
            .await?
        {
            FileStored::Done => Ok(Ok(document)),
            FileStored::LeaseLost => Err(lease_lost()),
            FileStored::Full(limit) => Ok(Err(IndexFailure {
                code: "limit_reached".to_owned(),
                detail: Error::plan_limit(limit).to_string(),
            })),
        }
    }

    /// Returns a page as a file: text in UTF-8, with what the page says about itself.
    pub(super) fn page_file(
        &self,
        fetched: Fetched,
        web: WebSource,
        own: &Entitlements,
    ) -> std::result::Result<PageFile, FetchError> {
        let Fetched::Content(content) = fetched else {
            return Err(FetchError::InvalidResponse);
        };
        let kind = kind_of_page(content.media_type)?;
        let is_html = kind == DocumentKind::Html;
        let text = content.media_type.is_text().then(|| {
            let charset = content.charset.as_deref();
            retrieval::to_utf8(&content.bytes, charset, is_html)
        });
        let bytes: Bytes = text.flatten().map_or_else(|| content.bytes.clone(), Bytes::from);
        let limit = PendingUpload::max_size(kind, own);
        if bytes.len() as u64 > limit {
            return Err(FetchError::TooLarge { limit });
        }
        // A page of too many elements fails when it is indexed, with its reason.
        let page = if is_html {
            HtmlPage::parse(&bytes).unwrap_or_default()
        } else {
            HtmlPage::default()
        };
        let canonical = canonical_url(&content.url, &page);
        Ok(PageFile {
            file_name: file_name(&content.url, content.file_name(), kind),
            url: content.url.to_string(),
            web: WebSource {
                canonical_url: Some(canonical),
                language: page.language.clone(),
                text_hash: Some(text_hash(&bytes, kind)),
                etag: content.etag,
                last_modified: content.last_modified,
                fetched_at: Some(self.clock.now()),
                ..web
            },
            page,
            kind,
            bytes,
        })
    }
}

/// Returns a hash of what is indexed of a file, in hex.
pub(super) fn text_hash(bytes: &[u8], kind: DocumentKind) -> String {
    let mut digest = Sha256::new();
    let extracted = (kind == DocumentKind::Html).then(|| retrieval::extract(bytes, Kind::Html));
    match extracted {
        Some(Ok(extracted)) => {
            for section in extracted.sections {
                if let SourceLocation::Heading(heading) = section.place {
                    digest.update(heading);
                }
                digest.update("\n");
                digest.update(section.text);
                digest.update("\n");
            }
        }
        _ => digest.update(bytes),
    }
    hex::encode(&digest.finalize()[..16])
}

/// Enters what was fetched into a document, and returns its bytes.
pub(super) fn describe(document: &mut Document, file: PageFile, now: Timestamp) -> Bytes {
    let is_unnamed = document
        .web
        .as_ref()
        .and_then(|web| Url::parse(&web.url).ok())
        .is_some_and(|url| document.name == name_of(&url));
    if let Some(title) = file.page.title.filter(|_| is_unnamed) {
        document.name = title.chars().take(Document::MAX_NAME).collect();
    }
    document.size_bytes = file.bytes.len() as u64;
    document.sha256 = hex::encode(Sha256::digest(&file.bytes));
    document.kind = file.kind;
    document.file_name = file.file_name;
    document.web = Some(file.web);
    document.updated_at = now;
    file.bytes
}

/// Returns the kind of document that a response is.
fn kind_of_page(media_type: MediaType) -> std::result::Result<DocumentKind, FetchError> {
    let unsupported = |found| FetchError::UnsupportedType { found };
    match media_type {
        MediaType::Xml => return Err(unsupported("data (XML)")),
        MediaType::Gzip => return Err(unsupported("an archive")),
        _ => {}
    }
    // What can be uploaded can be fetched.
    kind_by_name(&format!("file.{}", media_type.extension())).map_err(|_| {
        unsupported(match media_type {
            MediaType::Csv => "a table (.csv)",
            MediaType::Xlsx => "an Excel workbook",
            MediaType::Pptx => "a PowerPoint presentation",
            MediaType::Epub => "an EPUB book",
            MediaType::Odt => "an OpenDocument text",
            _ => "a file of an unsupported type",
        })
    })
}

/// Returns the address by which a page wants to be known, if it is one of its own site, else its own.
fn canonical_url(url: &Url, page: &HtmlPage) -> String {
    let base = page.base.as_deref().and_then(|base| url.join(base).ok());
    let canonical = page
        .canonical
        .as_deref()
        .and_then(|canonical| base.as_ref().unwrap_or(url).join(canonical).ok());
    let is_usable = |canonical: &Url| {
        matches!(canonical.scheme(), "http" | "https") && canonical.as_str().len() <= WebSource::MAX_URL
    };
    canonical
        .filter(is_usable)
        .map_or_else(|| url.to_string(), String::from)
}

/// Returns the name of a document as long as its title is not known: its address without scheme.
pub(super) fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    format!("{host}{path}").chars().take(Document::MAX_NAME).collect()
}

/// Returns the name of the file, with the extension of its kind.
pub(super) fn file_name(url: &Url, last: Option<String>, kind: DocumentKind) -> String {
    let name = last.unwrap_or_else(|| url.host_str().unwrap_or("page").to_owned());
    let has_extension = Kind::from_file_name(&name) == Some(kind_of(kind));
    if has_extension {
        name
    } else {
        format!("{name}.{}", kind_of(kind).as_str())
    }
}

pub(super) fn unusable(error: &FetchError) -> Error {
    Error::Unusable {
        code: error.code(),
        pointer: "/url",
        detail: error.to_string(),
    }
}

pub(super) fn failure(error: &FetchError) -> IndexFailure {
    IndexFailure {
        code: error.code().to_owned(),
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_page_is_named_after_its_address_until_its_title_is_known() {
        assert_eq!(
            name_of(&url("https://example.com/docs/a%20b/?x#y")),
            "example.com/docs/a%20b"
        );
        assert_eq!(
            file_name(&url("https://example.com/"), None, DocumentKind::Html),
            "example.com.html"
        );
        let named = |name: &str, kind| file_name(&url("https://example.com/"), Some(name.to_owned()), kind);
        assert_eq!(named("about.HTM", DocumentKind::Html), "about.HTM");
        assert_eq!(named("report.php", DocumentKind::Pdf), "report.php.pdf");
        assert_eq!(named("README.md", DocumentKind::Md), "README.md");
    }

    #[test]
    fn a_canonical_address_may_be_relative() {
        let page = |canonical: Option<&str>, base: Option<&str>| HtmlPage {
            canonical: canonical.map(str::to_owned),
            base: base.map(str::to_owned),
            ..HtmlPage::default()
        };
        let own = url("https://example.com/a/b?c");
        assert_eq!(canonical_url(&own, &page(None, None)), "https://example.com/a/b?c");
        assert_eq!(canonical_url(&own, &page(Some("b"), None)), "https://example.com/a/b");
        assert_eq!(
            canonical_url(&own, &page(Some("b"), Some("/x/"))),
            "https://example.com/x/b"
        );
        assert_eq!(
            canonical_url(&own, &page(Some("javascript:alert(1)"), None)),
            "https://example.com/a/b?c"
        );
    }
}
