//! `robots.txt`, the Robots Exclusion Protocol (RFC 9309).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FetchError, Fetched, Fetcher, content::percent_decode};

/// What is read of a file, in bytes: the least that RFC 9309, section 2.5, requires.
const MAX_BYTES: usize = 500 * 1024;
/// Rules that are kept.
const MAX_RULES: usize = 5_000;
/// Longer patterns are ignored, in bytes.
const MAX_PATTERN_BYTES: usize = 2_000;
/// Sitemaps that are kept.
const MAX_SITEMAPS: usize = 100;
/// A longer `Crawl-delay` counts as this one: a crawl has to end.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// What a site lets us read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Robots {
    rules: Vec<Rule>,
    /// Between two requests, if the site says so.
    pub crawl_delay: Option<Duration>,
    /// The addresses of its sitemaps, as written.
    pub sitemaps: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    is_allowed: bool,
    /// With `*` and `$`, normalized like a path.
    #[serde(with = "latin1")]
    pattern: Vec<u8>,
}

/// Bytes as text, each one a character: shorter than a list of numbers.
mod latin1 {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().copied().map(char::from).collect();
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = text.chars().map(u8::try_from).collect::<Result<_, _>>();
        bytes.map_err(|_| D::Error::custom("no pattern"))
    }
}

impl Robots {
    /// Returns the rules of a site without `robots.txt`: everything may be read.
    pub fn allow_all() -> Self {
        Self::default()
    }

    /// Returns the rules of a site that may not be read at all.
    pub fn disallow_all() -> Self {
        Self {
            rules: vec![Rule {
                is_allowed: false,
                pattern: b"/".to_vec(),
            }],
            ..Self::default()
        }
    }

    /// Returns the rules by the result of fetching `/robots.txt` (RFC 9309, section 2.3.1): a site that has none may be
    /// read, one that cannot answer may not.
    pub fn from_fetch(fetched: &Result<Fetched, FetchError>) -> Self {
        match fetched {
            Ok(Fetched::Content(content)) if content.media_type.is_text() => Self::parse(&content.bytes),
            // Something else, such as a page for people, is no rule.
            Ok(Fetched::Content(_) | Fetched::NotModified)
            | Err(
                FetchError::SiteError { status: ..500 }
                | FetchError::NotFound
                | FetchError::AccessDenied
                | FetchError::Empty
                | FetchError::UnsupportedType { .. }
                | FetchError::RedirectLoop,
            ) => Self::allow_all(),
            Err(_) => Self::disallow_all(),
        }
    }

    /// Parses a file: the groups for this product if there are any, else those for all.
    pub fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let (mut ours, mut general) = (Group::default(), Group::default());
        let mut sitemaps = Vec::new();
        let (mut is_ours, mut is_general, mut in_agents) = (false, false, false);
        for line in text.split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if key == "user-agent" {
                if !in_agents {
                    (is_ours, is_general) = (false, false);
                }
                in_agents = true;
                is_ours |= is_product(value);
                is_general |= value == "*";
                ours.is_present |= is_ours;
                continue;
            }
            if key == "sitemap" {
                if sitemaps.len() < MAX_SITEMAPS && !value.is_empty() {
                    sitemaps.push(value.to_owned());
                }
                continue;
            }
            let is_rule = matches!(key.as_str(), "allow" | "disallow" | "crawl-delay");
            in_agents &= !is_rule;
            for (group, applies) in [(&mut ours, is_ours), (&mut general, is_general)] {
                if applies && is_rule {
                    group.add(&key, value);
                }
            }
        }
        let group = if ours.is_present { ours } else { general };
        Self {
            rules: group.rules,
            crawl_delay: group.delay,
            sitemaps,
        }
    }

    /// Returns whether a page may be read: the longest pattern that matches decides, and of two equally long ones the
    /// one that allows.
    pub fn allows(&self, url: &reqwest::Url) -> bool {
        if url.path() == "/robots.txt" {
            return true;
        }
        let path = url
            .query()
            .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let path = percent_decode(&path);
        let matching = self.rules.iter().filter(|rule| matches(&rule.pattern, &path));
        let decisive = matching.max_by_key(|rule| (rule.pattern.len(), rule.is_allowed));
        decisive.is_none_or(|rule| rule.is_allowed)
    }
}

#[derive(Default)]
struct Group {
    is_present: bool,
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

impl Group {
    fn add(&mut self, key: &str, value: &str) {
        if key == "crawl-delay" {
            let seconds = value
                .parse()
                .ok()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            self.delay = seconds.map(|delay| delay.min(MAX_DELAY)).or(self.delay);
            return;
        }
        // An empty rule says nothing.
        if value.is_empty() || value.len() > MAX_PATTERN_BYTES || self.rules.len() >= MAX_RULES {
            return;
        }
        self.rules.push(Rule {
            is_allowed: key == "allow",
            pattern: percent_decode(value),
        });
    }
}

/// Returns whether a value of `User-agent` names this product: its token in any letter case, whatever follows.
fn is_product(value: &str) -> bool {
    let end = value
        .find(|c: char| !c.is_ascii_alphabetic() && c != '_' && c != '-')
        .unwrap_or(value.len());
    value
        .get(..end)
        .is_some_and(|token| token.eq_ignore_ascii_case(Fetcher::PRODUCT_TOKEN))
}

/// Matches a path from its start: `*` is any text, `$` at the end is the end of the path. Takes time in proportion to
/// the lengths, because the first place where a part occurs is always right.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, is_whole) = match pattern.strip_suffix(b"$") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return !is_whole || rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() && is_whole {
            return rest.ends_with(part);
        }
        let Some(at) = find(rest, part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    true
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allows(robots: &str, path: &str) -> bool {
        let url = format!("https://example.com{path}").parse().unwrap();
        Robots::parse(robots.as_bytes()).allows(&url)
    }

    #[test]
    fn the_longest_pattern_decides_and_allows_at_equal_length() {
        let robots = "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\nDisallow: /page\nAllow: /page\n";
        for (path, expected) in [
            ("/", true),
            ("/a", false),
            ("/a/x", false),
            ("/a/b", true),
            ("/a/b/d", true),
            ("/a/b/c", false),
            ("/page", true),
            ("/apple", false),
            ("/robots.txt", true),
        ] {
            assert_eq!(allows(robots, path), expected, "{path}");
        }
    }

    #[test]
    fn wildcards_and_ends_match() {
        let robots =
            "user-agent: *\ndisallow: /*.pdf$\ndisallow: /x*y*z\ndisallow: /q?id=\ndisallow: /ü\ndisallow: /only$";
        for (path, expected) in [
            ("/a.pdf", false),
            ("/a.pdf.html", true),
            ("/a.pdf?x", true),
            ("/x1y2z3", false),
            ("/xzy", true),
            ("/q?id=1", false),
            ("/q?no=1", true),
            ("/%C3%BC", false),
            ("/only", false),
            ("/only/this", true),
        ] {
            assert_eq!(allows(robots, path), expected, "{path}");
        }
    }

    #[test]
    fn the_group_of_this_product_precedes_the_general_one() {
        let robots = "\u{feff}User-agent: *\nDisallow: /\n\nUser-Agent: Other\nUser-agent: parlancebot/2.0\n\nAllow: /\nDisallow: /private # secret\nCrawl-delay: 2.5\nSitemap: https://example.com/map.xml\n";
        assert!(allows(robots, "/x") && !allows(robots, "/private/1"));
        let parsed = Robots::parse(robots.as_bytes());
        assert_eq!(parsed.crawl_delay, Some(Duration::from_millis(2_500)));
        assert_eq!(parsed.sitemaps, ["https://example.com/map.xml"]);
        assert!(!allows(
            "User-agent: *\nDisallow: /\nUser-agent: ParlanceBotX\nAllow: /",
            "/x"
        ));
        assert!(
            allows("User-agent: *\nDisallow: /\nUser-agent: ParlanceBot\nDisallow:", "/x"),
            "an empty group"
        );
    }

    #[test]
    fn several_groups_of_one_product_are_one() {
        let robots = "User-agent: *\nDisallow: /a\n\nUser-agent: x\nDisallow: /\n\nUser-agent: *\nDisallow: /b";
        assert!(!allows(robots, "/a") && !allows(robots, "/b") && allows(robots, "/c"));
    }

    #[test]
    fn a_site_without_rules_may_be_read_and_one_that_fails_may_not() {
        let url = "https://example.com/x".parse().unwrap();
        for error in [
            FetchError::NotFound,
            FetchError::AccessDenied,
            FetchError::SiteError { status: 418 },
        ] {
            assert!(Robots::from_fetch(&Err(error)).allows(&url));
        }
        for error in [
            FetchError::SiteError { status: 503 },
            FetchError::TooSlow,
            FetchError::RateLimited { retry_after: None },
        ] {
            assert!(!Robots::from_fetch(&Err(error)).allows(&url));
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let robots = format!(
            "User-agent: *\n{}",
            format!("Disallow: /{}b\n", "*a".repeat(900)).repeat(250)
        );
        assert!(allows(&robots, &format!("/{}", "a".repeat(7_000))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400), path in "/[ -~]{0,40}") {
            if let Ok(url) = reqwest::Url::parse(&format!("https://example.com{path}")) {
                Robots::parse(&bytes).allows(&url);
            }
        }

        #[test]
        fn a_pattern_without_wildcards_is_a_prefix(pattern in "/[a-c]{0,4}", path in "/[a-c]{0,6}") {
            let robots = format!("User-agent: *\nDisallow: {pattern}");
            prop_assert_eq!(allows(&robots, &path), !path.starts_with(&pattern));
        }
    }
}
