//! Crawls: the pages of a web site as documents, one small step at a time.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{document::IndexFailure, refresh::RefreshInterval};
use crate::{CrawlId, DocumentId, Error, FieldError, OrgId, Result, Timestamp, UserId};

/// The state of a crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CrawlStatus {
    /// Waiting for a worker.
    Queued,
    /// Pages are being fetched.
    Running,
    /// All pages that it may read were read, or as many as it may store.
    Finished,
    /// It could not be read; `failure` has the reason.
    Failed,
    /// A user canceled it.
    Cancelled,
}

impl CrawlStatus {
    /// Returns whether it still fetches pages.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// Why a crawl has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CrawlEnd {
    /// All pages within its limits were read.
    Complete,
    /// It has stored as many pages as it may; there are more.
    PageLimit,
    /// So many pages failed or were repetitions that the rest was not worth it.
    RequestLimit,
    /// The plan of the organization allows no more documents.
    PlanLimit,
}

/// What a crawl reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlOptions {
    /// The first page, or a sitemap.
    pub url: String,
    /// How many links a page may be away from the first one. 0: links are not followed.
    pub depth: u32,
    /// Maximum number of documents.
    pub max_pages: u32,
    /// Whether the pages of the site's sitemaps are read.
    #[serde(default)]
    pub sitemap: bool,
    /// Further hosts whose pages are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Starts of paths, one of which a page must have; any if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Starts of paths that no page has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl CrawlOptions {
    /// Maximum distance from the first page, in links.
    pub const MAX_DEPTH: u32 = 10;
    /// Maximum number of documents of one crawl.
    pub const MAX_PAGES: u32 = 2_000;
    /// Number of documents if the client does not say.
    pub const DEFAULT_PAGES: u32 = 100;
    /// Maximum number of further hosts.
    pub const MAX_HOSTS: usize = 5;
    /// Maximum number of starts of paths in each list.
    pub const MAX_PREFIXES: usize = 20;
    /// Maximum length of a host name or a start of a path, in bytes.
    pub const MAX_PREFIX: usize = 253;

    /// Checks and normalizes what a client sent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with pointers below `/crawl`.
    pub fn checked(mut self) -> Result<Self> {
        let mut errors = Vec::new();
        for (number, host) in self.hosts.iter_mut().enumerate() {
            *host = host.trim().trim_end_matches('.').to_ascii_lowercase();
            let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
            if host.is_empty() || !host.chars().all(is_host) {
                let detail = "must be a host name such as docs.example.com";
                errors.push(FieldError::new(format!("/crawl/hosts/{number}"), detail));
            }
        }
        for (name, prefixes) in [("include", &self.include), ("exclude", &self.exclude)] {
            for (number, prefix) in prefixes.iter().enumerate() {
                if !prefix.starts_with('/') {
                    let detail = "must be the start of a path, such as /docs/";
                    errors.push(FieldError::new(format!("/crawl/{name}/{number}"), detail));
                }
            }
        }
        self.hosts.sort_unstable();
        self.hosts.dedup();
        if errors.is_empty() {
            Ok(self)
        } else {
            Err(Error::Invalid(errors))
        }
    }
}

/// A page that did not become a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedPage {
    /// Its address.
    pub url: String,
    /// Why, as a stable `snake_case` word.
    pub code: String,
}

/// What a run of a crawl has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlTally {
    /// Pages that were found: read or still to be read.
    pub found: u32,
    /// Pages that were requested.
    pub fetched: u32,
    /// Documents whose page has not changed since the last run.
    pub unchanged: u32,
    /// Documents that got a new version.
    pub updated: u32,
    /// Documents whose page is gone.
    pub gone: u32,
    /// Pages that did not become documents.
    pub refused: u32,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusedPage>,
}

impl CrawlTally {
    /// Maximum number of refused pages that are listed.
    pub const MAX_REFUSALS: usize = 50;

    /// Counts a page that does not become a document.
    pub fn refuse(&mut self, url: &str, code: &str) {
        self.refused = self.refused.saturating_add(1);
        if self.refusals.len() < Self::MAX_REFUSALS {
            self.refusals.push(RefusedPage {
                url: url.to_owned(),
                code: code.to_owned(),
            });
        }
    }
}

/// A crawl of a web site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crawl {
    /// Its ID.
    pub id: CrawlId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who created it, and its documents.
    pub created_by: UserId,
    /// What it reads.
    pub options: CrawlOptions,
    /// The tags of its documents, normalized.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How often it is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<RefreshInterval>,
    /// Its state.
    pub status: CrawlStatus,
    /// Number of documents that it has created, in all runs.
    #[serde(default)]
    pub stored: u32,
    /// What the present run has done, or the last one.
    #[serde(default)]
    pub tally: CrawlTally,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<IndexFailure>,
    /// Why it has finished, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<CrawlEnd>,
    /// Number of the present run, from 1.
    pub run: u32,
    /// Number of the next step of this run, from 0. Each step is one message and at most one request.
    pub step: u32,
    /// Object key of what the steps so far have found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_key: Option<String>,
    /// When it is next looked at: an active crawl, to see that it goes on, another one, to repeat it. Milliseconds since
    /// the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When the last run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl Crawl {
    /// Maximum number of active crawls of an organization.
    pub const MAX_ACTIVE: usize = 5;

    /// Returns the prefix of the object keys of a crawl.
    pub fn folder(org: &OrgId, id: &CrawlId) -> String {
        format!("t/{org}/crawls/{id}/")
    }

    /// Returns the object key of what is known before a step.
    pub fn plan_key(&self, step: u32) -> String {
        format!("{}{}-{step}.plan", Self::folder(&self.org, &self.id), self.run)
    }

    /// Returns the ID of the document of a page: the same for the same page, so that a repeated step creates no second
    /// one. `page`: the key of its address. The ID sorts as if the document had been created with the crawl.
    pub fn document_id(&self, page: &str) -> DocumentId {
        let digest = Sha256::digest(format!("{}\n{page}", self.id));
        let mut random = [0; 10];
        for (byte, hashed) in random.iter_mut().zip(digest.iter()) {
            *byte = *hashed;
        }
        let millis = u64::try_from(self.created_at.as_millisecond()).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        DocumentId(id.to_string())
    }
}

/// A page that a crawl has made a document of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawledPage {
    /// The document.
    pub document: DocumentId,
    /// The address that was requested.
    pub url: String,
    /// How many links it was away from the first page.
    pub depth: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> CrawlOptions {
        CrawlOptions {
            url: "https://example.com/".to_owned(),
            depth: 1,
            max_pages: 10,
            sitemap: false,
            hosts: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
        }
    }

    #[test]
    fn hosts_are_compared_in_lower_case_and_paths_begin_with_a_slash() {
        let given = CrawlOptions {
            hosts: vec!["Docs.Example.com.".to_owned(), "docs.example.com".to_owned()],
            include: vec!["/docs/".to_owned()],
            ..options()
        };
        let checked = given.checked().map(|options| options.hosts);
        assert_eq!(checked.ok(), Some(vec!["docs.example.com".to_owned()]));
        let wrong = CrawlOptions {
            hosts: vec!["https://example.com".to_owned(), String::new()],
            exclude: vec!["blog".to_owned()],
            ..options()
        };
        let Err(Error::Invalid(errors)) = wrong.checked() else {
            unreachable!("three errors")
        };
        let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/crawl/hosts/0", "/crawl/hosts/1", "/crawl/exclude/0"]);
    }

    #[test]
    fn a_page_has_one_document_and_every_crawl_its_own() {
        let now = Timestamp::UNIX_EPOCH;
        let crawl = |id: &str| Crawl {
            id: CrawlId(id.to_owned()),
            org: OrgId("o".to_owned()),
            created_by: UserId("u".to_owned()),
            options: options(),
            tags: Vec::new(),
            every: None,
            status: CrawlStatus::Queued,
            stored: 0,
            tally: CrawlTally::default(),
            failure: None,
            end: None,
            run: 1,
            step: 0,
            plan_key: None,
            due_ms: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        };
        let (one, other) = (crawl("1"), crawl("2"));
        assert_eq!(one.document_id("example.com/a"), one.document_id("example.com/a"));
        assert_ne!(one.document_id("example.com/a"), one.document_id("example.com/b"));
        assert_ne!(one.document_id("example.com/a"), other.document_id("example.com/a"));
        assert_eq!(one.document_id("example.com/a").0.len(), 36);
    }

    #[test]
    fn only_the_first_refused_pages_are_listed() {
        let mut tally = CrawlTally::default();
        for number in 0..60 {
            tally.refuse(&format!("https://example.com/{number}"), "not_found");
        }
        assert_eq!((tally.refused, tally.refusals.len()), (60, CrawlTally::MAX_REFUSALS));
    }
}
