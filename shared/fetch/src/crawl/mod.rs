//! Plans a crawl of one site: which address is requested next, and which pages are kept. Pure functions over the state,
//! which can be stored between two requests: whoever executes the plan fetches, waits and reads.

mod address;
mod url_key;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::Duration,
};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::{
    robots::Robots,
    sitemap::{Entry, Sitemap},
};
use address::{host_of, is_page, is_sitemap, robots_of};
pub use url_key::url_key;

/// Pages that wait, at most: a site with more links than this is not read completely anyway.
const MAX_WAITING: usize = 20_000;
/// Addresses that are remembered, at most, so that none is read twice.
const MAX_SEEN: usize = 50_000;
/// Sitemaps that are read.
const MAX_SITEMAPS: u32 = 50;
/// How deep sitemaps are nested. The protocol allows one index.
const MAX_SITEMAP_LEVEL: u8 = 2;
/// The pause between two requests if the site asks for none.
const DEFAULT_DELAY: Duration = Duration::from_secs(1);
/// What to crawl.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The first page. Only pages of its host and port are read, and of `hosts`. With `sitemap`, it may be a sitemap.
    pub start: String,
    /// How many links a page may be away from the first one; 0 is that page alone. Links of pages of a sitemap are as
    /// far away as those of the first page.
    pub max_depth: u32,
    /// Most pages to keep.
    pub max_pages: u32,
    /// Whether the pages of the site's sitemaps are read.
    pub sitemap: bool,
    /// Further hosts whose pages are read, with their port if it is not that of the scheme.
    pub hosts: Vec<String>,
    /// Starts of paths, one of which a page must have; any if empty. The first page is always read.
    pub include: Vec<String>,
    /// Starts of paths that no page has, such as `/blog/`.
    pub exclude: Vec<String>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Fetch the `robots.txt` of a host, and call [`Crawl::set_robots`].
    Robots {
        /// Its address.
        url: Url,
    },
    /// Fetch a sitemap, and call [`Crawl::add_sitemap`] if it is one.
    Sitemap {
        /// Its address.
        url: Url,
    },
    /// Fetch a page, and call [`Crawl::visit`] if there is one.
    Fetch {
        /// Its address.
        url: Url,
        /// How many links it is away from the first one.
        depth: u32,
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
    /// Its links, which may be relative to `base`.
    pub links: Vec<String>,
    /// What its links are relative to, if not `url`; may itself be relative to that.
    pub base: Option<String>,
    /// A hash of its text: pages of equal text are kept once.
    pub content_hash: String,
    /// It asks not to be indexed (`noindex`).
    pub is_noindex: bool,
    /// It asks not to follow its links (`nofollow`).
    pub is_nofollow: bool,
}

/// What to do with a page that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Keep it.
    Keep {
        /// Equal for addresses of the same page: the key of its canonical one.
        key: String,
    },
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
    scheme: String,
    /// What the hosts let us read, as far as known.
    robots: BTreeMap<String, Robots>,
    /// Sitemaps to read, and how deep they are nested.
    sitemaps: VecDeque<(String, u8)>,
    /// Sitemaps that were planned, by their number; `None` before the first one.
    planned_sitemaps: Option<u32>,
    waiting: VecDeque<Waiting>,
    /// Keys of addresses that were planned.
    seen: HashSet<String>,
    /// Keys of pages that were kept, by their canonical addresses.
    kept: HashSet<String>,
    hashes: HashSet<String>,
    requests: u32,
    /// How far the page that is being fetched is from the first one.
    depth: u32,
    /// Addresses that `robots.txt` disallows, since they were last taken.
    disallowed: Vec<String>,
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
        let mut crawl = Self {
            seen: HashSet::new(),
            waiting: VecDeque::new(),
            scheme: start.scheme().to_owned(),
            host,
            robots: BTreeMap::new(),
            sitemaps: VecDeque::new(),
            planned_sitemaps: None,
            options,
            kept: HashSet::new(),
            hashes: HashSet::new(),
            requests: 0,
            depth: 0,
            disallowed: Vec::new(),
        };
        if crawl.options.sitemap && is_sitemap(&start) {
            crawl.planned_sitemaps = Some(0);
            crawl.plan_sitemap(start.to_string(), 0);
        } else {
            crawl.seen.insert(url_key(&start));
            crawl.waiting.push_back(Waiting {
                url: start.to_string(),
                depth: 0,
            });
        }
        Some(crawl)
    }

    /// Adds pages that an earlier run has kept, by their addresses and depths: they are read before new ones, whether a
    /// page still links to them or not.
    pub fn add_known(&mut self, pages: impl IntoIterator<Item = (String, u32)>) {
        for (url, depth) in pages {
            if let Ok(url) = Url::parse(&url) {
                self.plan(url, depth.max(1));
            }
        }
    }

    /// Sets what a host lets us read.
    pub fn set_robots(&mut self, url: &Url, robots: Robots) {
        if let Some(host) = host_of(url) {
            self.robots.insert(host, robots);
        }
    }

    /// Adds what the sitemap that [`Crawl::next_step`] returned lists.
    pub fn add_sitemap(&mut self, sitemap: &Sitemap) {
        let level = self.depth_of_sitemap();
        match sitemap {
            Sitemap::Pages(entries) => self.add_pages(entries),
            Sitemap::Index(entries) => {
                for entry in entries {
                    self.plan_sitemap(entry.url.clone(), level.saturating_add(1));
                }
            }
        }
    }

    fn add_pages(&mut self, entries: &[Entry]) {
        for entry in entries {
            if let Ok(url) = Url::parse(&entry.url) {
                self.plan(url, 0);
            }
        }
    }

    /// Returns what to do next. Calling it again without having done so returns the next but one.
    pub fn next_step(&mut self) -> Step {
        if self.options.sitemap
            && let Some(step) = self.next_sitemap()
        {
            return step;
        }
        while let Some(waiting) = self.waiting.pop_front() {
            let Ok(url) = Url::parse(&waiting.url) else { continue };
            let Some(robots) = host_of(&url).and_then(|host| self.robots.get(&host)) else {
                self.waiting.push_front(waiting);
                return Step::Robots { url: robots_of(&url) };
            };
            if !robots.allows(&url) {
                self.disallowed.push(waiting.url);
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
            self.requests += 1;
            self.depth = waiting.depth;
            return Step::Fetch {
                url,
                depth: waiting.depth,
            };
        }
        Step::Finished(End::Complete)
    }

    fn next_sitemap(&mut self) -> Option<Step> {
        if self.planned_sitemaps.is_none() {
            let home = Url::parse(&format!("{}://{}/", self.scheme, self.host)).ok()?;
            let Some(robots) = self.robots.get(&self.host) else {
                return Some(Step::Robots { url: robots_of(&home) });
            };
            self.planned_sitemaps = Some(0);
            let mut listed = robots.sitemaps.clone();
            if listed.is_empty() {
                listed.extend(home.join("/sitemap.xml").map(String::from));
            }
            for url in listed {
                self.plan_sitemap(url, 0);
            }
        }
        while let Some((url, level)) = self.sitemaps.pop_front() {
            if let Ok(url) = Url::parse(&url) {
                self.depth = u32::from(level);
                return Some(Step::Sitemap { url });
            }
        }
        None
    }

    /// Returns the pause before the next request, after one to this address.
    pub fn delay(&self, after: &Url) -> Duration {
        let robots = host_of(after).and_then(|host| self.robots.get(&host));
        robots.and_then(|robots| robots.crawl_delay).unwrap_or(DEFAULT_DELAY)
    }

    /// Takes the page that [`Crawl::next_step`] returned, plans its links, and returns what to do with it. A page that
    /// could not be fetched is not reported.
    pub fn visit(&mut self, page: &Page) -> Verdict {
        let Ok(url) = Url::parse(&page.url) else {
            return Verdict::Outside;
        };
        let is_start = self.depth == 0 && self.requests == 1;
        if !self.is_on_site(&url) {
            // The first page may redirect to the host that the site really has: `www.`.
            match host_of(&url) {
                Some(host) if is_start => self.host = host,
                _ => return Verdict::Outside,
            }
        }
        let robots = host_of(&url).and_then(|host| self.robots.get(&host));
        if robots.is_some_and(|robots| !robots.allows(&url)) {
            return Verdict::Outside;
        }
        if !is_start && !self.is_within(&url) {
            return Verdict::Outside;
        }
        self.seen.insert(url_key(&url));
        if !page.is_nofollow && self.depth < self.options.max_depth {
            let base = page.base.as_deref().and_then(|base| url.join(base).ok());
            let base = base.unwrap_or_else(|| url.clone());
            for link in &page.links {
                if let Ok(link) = base.join(link) {
                    self.plan(link, self.depth + 1);
                }
            }
        }
        if page.is_noindex {
            return Verdict::NoIndex;
        }
        // A canonical address on another site would make this page part of it.
        let canonical = page.canonical.as_deref().and_then(|canonical| url.join(canonical).ok());
        let canonical = canonical.filter(|canonical| self.is_on_site(canonical));
        let key = url_key(&canonical.unwrap_or(url));
        self.seen.insert(key.clone());
        if !self.kept.insert(key.clone()) {
            return Verdict::Duplicate;
        }
        if !self.hashes.insert(page.content_hash.clone()) {
            self.kept.remove(&key);
            return Verdict::Duplicate;
        }
        Verdict::Keep { key }
    }

    /// Takes a page that has not changed since an earlier run: it counts as kept.
    pub fn keep_unchanged(&mut self, url: &Url, content_hash: Option<&str>) {
        self.kept.insert(url_key(url));
        self.hashes.extend(content_hash.map(str::to_owned));
    }

    /// Returns how many pages were kept.
    pub fn pages(&self) -> usize {
        self.kept.len()
    }

    /// Returns how many addresses were found: read or still to be read.
    pub fn found(&self) -> usize {
        self.requests as usize + self.waiting.len()
    }

    /// Takes the addresses that `robots.txt` disallows, since this was last called.
    pub fn take_disallowed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.disallowed)
    }

    fn depth_of_sitemap(&self) -> u8 {
        u8::try_from(self.depth).unwrap_or(u8::MAX)
    }

    fn plan_sitemap(&mut self, url: String, level: u8) {
        let planned = self.planned_sitemaps.unwrap_or_default();
        let is_web = Url::parse(&url).is_ok_and(|url| host_of(&url).is_some());
        if is_web && planned < MAX_SITEMAPS && level <= MAX_SITEMAP_LEVEL && self.seen.insert(format!("sitemap {url}"))
        {
            self.planned_sitemaps = Some(planned + 1);
            self.sitemaps.push_back((url, level));
        }
    }

    fn plan(&mut self, mut url: Url, depth: u32) {
        url.set_fragment(None);
        let pages = self.options.max_pages as usize;
        let most_waiting = MAX_WAITING.min(pages.saturating_mul(10).saturating_add(100));
        let most_seen = MAX_SEEN.min(pages.saturating_mul(25).saturating_add(1_000));
        let has_room = self.waiting.len() < most_waiting && self.seen.len() < most_seen;
        let is_wanted = self.is_on_site(&url) && self.is_within(&url) && is_page(&url);
        if has_room && is_wanted && self.seen.insert(url_key(&url)) {
            self.waiting.push_back(Waiting { url: url.into(), depth });
        }
    }

    fn is_on_site(&self, url: &Url) -> bool {
        host_of(url).is_some_and(|host| host == self.host || self.options.hosts.contains(&host))
    }

    fn is_within(&self, url: &Url) -> bool {
        let starts = |prefixes: &[String]| prefixes.iter().any(|prefix| url.path().starts_with(prefix.as_str()));
        (self.options.include.is_empty() || starts(&self.options.include)) && !starts(&self.options.exclude)
    }
}

#[cfg(test)]
mod tests;
