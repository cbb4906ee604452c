//! Repeated fetches of web pages: how often, and what is due.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::document::IndexFailure;
use crate::{CrawlId, DataSourceId, DocumentId, OrgId, Timestamp, time::after};

/// How often a page is fetched again, or a crawl repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RefreshInterval {
    /// Every 24 hours.
    Day,
    /// Every 7 days.
    Week,
    /// Every 30 days.
    Month,
}

impl RefreshInterval {
    /// Returns its length.
    pub const fn length(self) -> Duration {
        match self {
            Self::Day => Duration::from_hours(24),
            Self::Week => Duration::from_hours(7 * 24),
            Self::Month => Duration::from_hours(30 * 24),
        }
    }

    /// Returns when the next one is due, milliseconds since the Unix epoch.
    pub fn next_ms(self, now: Timestamp) -> i64 {
        after(now, self.length()).as_millisecond()
    }
}

/// How long a worker has for what is due, until it is due again. Milliseconds.
pub const RETRY_MS: i64 = 60 * 60 * 1000;

/// The last fetch of a page that was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageCheck {
    /// When it was fetched.
    pub at: Timestamp,
    /// Why it could not be fetched, if so. The document stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<IndexFailure>,
    /// Since when the site has no such page (404 or 410).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<Timestamp>,
}

/// What is due at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FetchTarget {
    /// The page of a document.
    Document {
        /// The document.
        document_id: DocumentId,
    },
    /// A crawl.
    Crawl {
        /// The crawl.
        crawl_id: CrawlId,
    },
    /// The catalog of a database.
    DataSource {
        /// The data source.
        data_source_id: DataSourceId,
    },
}

/// A fetch that is due at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueFetch {
    /// The organization that owns it.
    pub org_id: OrgId,
    /// What is to be fetched.
    pub target: FetchTarget,
    /// When, milliseconds since the Unix epoch. The document or crawl has the same time; otherwise this is outdated.
    pub due_ms: i64,
}

/// The body of a message in the `fetch_pages` queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum FetchMessage {
    /// The next step of a crawl.
    Step {
        /// The organization that owns it.
        org_id: OrgId,
        /// The crawl.
        crawl_id: CrawlId,
        /// The run that the step belongs to.
        run: u32,
        /// The number of the step.
        step: u32,
    },
    /// A fetch that is due.
    Due(DueFetch),
}
