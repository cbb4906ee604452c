//! Plans a crawl of one site: which page is read next, and which pages are kept. Pure functions over the state, which
//! can be stored between two pages: whoever executes the plan fetches, waits and reads.

mod url_key;

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::{robots::Robots, sitemap::Entry};
pub use url_key::url_key;

/// Pages that wait, at most: a site with more links than this is not read completely anyway.
const MAX_WAITING: usize = 20_000;
/// Addresses that are remembered, so that none is read twice.
const MAX_SEEN: usize = 100_000;
/// The pause between two requests if the site asks for none.
const DEFAULT_DELAY: Duration = Duration::from_secs(1);
/// Ends of paths that are no pages. Documents, such as PDF, are.
const NO_PAGES: [&str; 36] = [
    "7z", "apk", "avi", "avif", "bmp", "bz2", "css", "dmg", "eot", "exe", "gif", "gz", "ico", "iso", "jpeg", "jpg",
    "js", "json", "m4a", "mov", "mp3", "mp4", "ogg", "otf", "png", "rar", "svg", "tar", "tif", "tiff", "ttf", "wav",
    "webm", "webp", "woff", "zip",
];

/// What to crawl.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The first page. Only pages of its host and port are read.
    pub start: String,
    /// How many links a page may be away from the first one; 0 is that page alone. Pages of a sitemap are one away.
    pub max_depth: u32,
    /// Most pages to keep.
    pub max_pages: u32,
    /// Starts of paths, one of which a page must have; any if empty. The first page is always read.
    pub include: Vec<String>,
    /// Starts of paths that no page has, such as `/blog/`.
    pub exclude: Vec<String>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Fetch a page, after a pause.
    Fetch {
        /// Its address.
        url: Url,
        /// The pause since the last request to the site.
        delay: Duration,
    },
    /// The crawl is complete.
    Finished(End),
}

/// Why a crawl ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// All pages within the options were read.
    Complete,
    /// As many pages as allowed are kept; there are more.
    PageLimit,
    /// So many pages failed or were repetitions that the rest is not worth it.
    RequestLimit,
}

/// A page that was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its address after redirects.
    pub url: String,
    /// Its canonical address, if it names one; may be relative.
    pub canonical: Option<String>,
    /// Its links, which may be relative to `url`.
    pub links: Vec<String>,
    /// A hash of its text: pages of equal text are kept once.
    pub content_hash: String,
    /// It asks not to be indexed (`noindex`).
    pub is_noindex: bool,
    /// It asks not to follow its links (`nofollow`).
    pub is_nofollow: bool,
}

/// What to do with a page that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Keep it.
    Keep,
    /// It is the same page as an earlier one.
    Duplicate,
    /// It is on another site or outside of the options, where a redirect led.
    Outside,
    /// It asks not to be indexed.
    NoIndex,
}

/// The state of a crawl.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crawl {
    options: Options,
    host: String,
    waiting: VecDeque<Waiting>,
    /// Keys of addresses that were planned.
    seen: HashSet<String>,
    /// Keys of pages that were kept, by their canonical addresses.
    kept: HashSet<String>,
    hashes: HashSet<String>,
    requests: u32,
    /// How far the page that is being fetched is from the first one.
    depth: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    url: String,
    depth: u32,
}

impl Crawl {
    /// Begins a crawl; `None` if the start is no address of a page.
    pub fn new(options: Options) -> Option<Self> {
        let mut start = Url::parse(&options.start).ok()?;
        start.set_fragment(None);
        let host = host_of(&start)?;
        let waiting = Waiting {
            url: start.to_string(),
            depth: 0,
        };
        Some(Self {
            seen: HashSet::from([url_key(&start)]),
            waiting: VecDeque::from([waiting]),
            host,
            options,
            kept: HashSet::new(),
            hashes: HashSet::new(),
            requests: 0,
            depth: 0,
        })
    }

    /// Adds the pages of a sitemap of the site.
    pub fn add_sitemap(&mut self, entries: &[Entry]) {
        if self.options.max_depth > 0 {
            for entry in entries {
                if let Ok(url) = Url::parse(&entry.url) {
                    self.plan(url, 1);
                }
            }
        }
    }

    /// Returns the next page to fetch. Pages that `robots` disallow are skipped.
    pub fn next(&mut self, robots: &Robots) -> Step {
        while let Some(waiting) = self.waiting.pop_front() {
            let Ok(url) = Url::parse(&waiting.url) else { continue };
            if !robots.allows(&url) {
                continue;
            }
            let end = if self.kept.len() as u64 >= u64::from(self.options.max_pages) {
                Some(End::PageLimit)
            } else if u64::from(self.requests) >= u64::from(self.options.max_pages) * 3 + 10 {
                Some(End::RequestLimit)
            } else {
                None
            };
            if let Some(end) = end {
                self.waiting.push_front(waiting);
                return Step::Finished(end);
            }
            let delay = if self.requests == 0 {
                Duration::ZERO
            } else {
                robots.crawl_delay.unwrap_or(DEFAULT_DELAY)
            };
            self.requests += 1;
            self.depth = waiting.depth;
            return Step::Fetch { url, delay };
        }
        Step::Finished(End::Complete)
    }

    /// Takes the page that [`Crawl::next`] returned, plans its links, and returns what to do with it. A page that
    /// could not be fetched is not reported.
    pub fn visit(&mut self, page: &Page) -> Verdict {
        let Ok(url) = Url::parse(&page.url) else {
            return Verdict::Outside;
        };
        let is_start = self.depth == 0;
        if host_of(&url).as_ref() != Some(&self.host) {
            // The first page may redirect to the host that the site really has: `www.`.
            match host_of(&url) {
                Some(host) if is_start => self.host = host,
                _ => return Verdict::Outside,
            }
        }
        if !is_start && !self.is_within(&url) {
            return Verdict::Outside;
        }
        self.seen.insert(url_key(&url));
        if !page.is_nofollow && self.depth < self.options.max_depth {
            for link in &page.links {
                if let Ok(link) = url.join(link) {
                    self.plan(link, self.depth + 1);
                }
            }
        }
        if page.is_noindex {
            return Verdict::NoIndex;
        }
        // A canonical address on another site would make this page part of it.
        let canonical = page.canonical.as_deref().and_then(|canonical| url.join(canonical).ok());
        let canonical = canonical.filter(|canonical| host_of(canonical).as_ref() == Some(&self.host));
        let key = url_key(&canonical.unwrap_or(url));
        self.seen.insert(key.clone());
        if !self.kept.insert(key) {
            return Verdict::Duplicate;
        }
        if !self.hashes.insert(page.content_hash.clone()) {
            return Verdict::Duplicate;
        }
        Verdict::Keep
    }

    /// Returns how many pages were kept.
    pub fn pages(&self) -> usize {
        self.hashes.len()
    }

    fn plan(&mut self, mut url: Url, depth: u32) {
        url.set_fragment(None);
        let is_on_site = host_of(&url).as_ref() == Some(&self.host);
        let has_room = self.waiting.len() < MAX_WAITING && self.seen.len() < MAX_SEEN;
        if is_on_site && has_room && self.is_within(&url) && is_page(&url) && self.seen.insert(url_key(&url)) {
            self.waiting.push_back(Waiting { url: url.into(), depth });
        }
    }

    fn is_within(&self, url: &Url) -> bool {
        let starts = |prefixes: &[String]| prefixes.iter().any(|prefix| url.path().starts_with(prefix.as_str()));
        (self.options.include.is_empty() || starts(&self.options.include)) && !starts(&self.options.exclude)
    }
}

/// Returns host and port of a page, whatever its scheme; `None` if it is not on the web.
fn host_of(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let host = url.host_str()?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

fn is_page(url: &Url) -> bool {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.')
        .is_none_or(|(_, extension)| !NO_PAGES.contains(&extension.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests;
