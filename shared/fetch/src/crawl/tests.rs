use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A site: paths with their links and texts.
struct Site(BTreeMap<&'static str, Page>);

impl Site {
    fn new(pages: &[(&'static str, &[&str], &str)]) -> Self {
        let pages = pages.iter().map(|(path, links, text)| {
            let page = Page {
                url: format!("https://example.com{path}"),
                links: links.iter().map(|link| (*link).to_owned()).collect(),
                content_hash: (*text).to_owned(),
                ..Page::default()
            };
            (*path, page)
        });
        Self(pages.collect())
    }

    /// Crawls the site; returns the requested and the kept paths.
    fn crawl(&self, crawl: &mut Crawl, robots: &Robots) -> (Vec<String>, Vec<String>, End) {
        let (mut requested, mut kept) = (Vec::new(), Vec::new());
        loop {
            match crawl.next(robots) {
                Step::Finished(end) => return (requested, kept, end),
                Step::Fetch { url, .. } => {
                    requested.push(url.path().to_owned());
                    if let Some(page) = self.0.get(url.path())
                        && crawl.visit(page) == Verdict::Keep
                    {
                        kept.push(url.path().to_owned());
                    }
                }
            }
        }
    }
}

fn options() -> Options {
    Options {
        start: "https://example.com/".to_owned(),
        max_depth: 3,
        max_pages: 100,
        include: Vec::new(),
        exclude: Vec::new(),
    }
}

fn docs() -> Site {
    Site::new(&[
        (
            "/",
            &[
                "/a",
                "b#top",
                "https://other.example/",
                "mailto:x@example.com",
                "/logo.png",
                "/a?utm_source=x",
            ],
            "home",
        ),
        ("/a", &["/a/1", "/", "http://example.com/b/"], "a"),
        ("/b", &["/a", "/blog/1", "javascript:void(0)"], "b"),
        ("/a/1", &["/a/2"], "a1"),
        ("/a/2", &["/a/3"], "a2"),
        ("/a/3", &[], "a3"),
        ("/blog/1", &[], "blog"),
    ])
}

#[test]
fn pages_of_the_site_are_read_once_up_to_the_depth() {
    let mut crawl = Crawl::new(options()).unwrap();
    let (requested, kept, end) = docs().crawl(&mut crawl, &Robots::allow_all());
    assert_eq!(requested, ["/", "/a", "/b", "/a/1", "/blog/1", "/a/2"]);
    assert_eq!((kept.len(), end), (6, End::Complete));
    let mut shallow = Crawl::new(Options {
        max_depth: 0,
        ..options()
    })
    .unwrap();
    assert_eq!(docs().crawl(&mut shallow, &Robots::allow_all()).0, ["/"]);
}

#[test]
fn prefixes_and_robots_restrict_it() {
    let restricted = Options {
        include: vec!["/a".to_owned(), "/b".to_owned()],
        exclude: vec!["/blog".to_owned()],
        ..options()
    };
    let mut crawl = Crawl::new(restricted).unwrap();
    let robots = Robots::parse(b"User-agent: *\nDisallow: /a/2\nCrawl-delay: 3");
    assert_eq!(docs().crawl(&mut crawl, &robots).0, ["/", "/a", "/b", "/a/1"]);
}

#[test]
fn a_crawl_ends_at_the_limit_of_pages() {
    let mut crawl = Crawl::new(Options {
        max_pages: 2,
        ..options()
    })
    .unwrap();
    let (_, kept, end) = docs().crawl(&mut crawl, &Robots::allow_all());
    assert_eq!((kept, end), (vec!["/".to_owned(), "/a".to_owned()], End::PageLimit));
}

#[test]
fn a_site_that_only_fails_ends_too() {
    let links: Vec<String> = (0..1_000).map(|n| format!("/{n}")).collect();
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    let site = Site::new(&[("/", &links, "home")]);
    let mut crawl = Crawl::new(Options {
        max_pages: 10,
        ..options()
    })
    .unwrap();
    let (requested, kept, end) = site.crawl(&mut crawl, &Robots::allow_all());
    assert_eq!((requested.len(), kept.len(), end), (40, 1, End::RequestLimit));
}

#[test]
fn pages_of_equal_text_or_canonical_address_are_kept_once() {
    let mut site = Site::new(&[
        ("/", &["/copy", "/print", "/other"], "home"),
        ("/copy", &[], "home"),
        ("/print", &[], "print"),
        ("/other", &[], "other"),
    ]);
    site.0.get_mut("/print").unwrap().canonical = Some("/#main".to_owned());
    site.0.get_mut("/other").unwrap().canonical = Some("https://elsewhere.example/".to_owned());
    let mut crawl = Crawl::new(options()).unwrap();
    assert_eq!(site.crawl(&mut crawl, &Robots::allow_all()).1, ["/", "/other"]);
    assert_eq!(crawl.pages(), 2);
}

#[test]
fn a_page_decides_about_itself_and_its_links() {
    let mut site = docs();
    site.0.get_mut("/a").unwrap().is_nofollow = true;
    site.0.get_mut("/b").unwrap().is_noindex = true;
    let mut crawl = Crawl::new(options()).unwrap();
    let (requested, kept, _) = site.crawl(&mut crawl, &Robots::allow_all());
    assert_eq!(requested, ["/", "/a", "/b", "/blog/1"]);
    assert_eq!(kept, ["/", "/a", "/blog/1"]);
}

#[test]
fn a_redirect_to_another_host_is_followed_only_from_the_first_page() {
    let mut crawl = Crawl::new(options()).unwrap();
    let page = |url: &str, links: &[&str], text: &str| Page {
        url: url.to_owned(),
        links: links.iter().map(|link| (*link).to_owned()).collect(),
        content_hash: text.to_owned(),
        ..Page::default()
    };
    let robots = Robots::allow_all();
    crawl.next(&robots);
    assert_eq!(
        crawl.visit(&page("https://www.example.com/", &["/a", "/b"], "home")),
        Verdict::Keep
    );
    let Step::Fetch { url, delay } = crawl.next(&robots) else {
        unreachable!("a link")
    };
    assert_eq!((url.as_str(), delay), ("https://www.example.com/a", DEFAULT_DELAY));
    assert_eq!(
        crawl.visit(&page("https://evil.example/a", &["/x"], "x")),
        Verdict::Outside
    );
    assert!(matches!(crawl.next(&robots), Step::Fetch { url, .. } if url.path() == "/b"));
    assert_eq!(crawl.next(&robots), Step::Finished(End::Complete));
}

#[test]
fn a_sitemap_adds_pages_of_the_site() {
    let mut crawl = Crawl::new(options()).unwrap();
    let entries = [
        "https://example.com/a/3",
        "https://other.example/x",
        "https://example.com/",
        "no address",
    ];
    crawl.add_sitemap(&entries.map(|url| Entry {
        url: url.to_owned(),
        last_modified: None,
    }));
    let (requested, ..) = docs().crawl(&mut crawl, &Robots::allow_all());
    assert_eq!(requested, ["/", "/a/3", "/a", "/b", "/a/1", "/blog/1", "/a/2"]);
}

#[test]
fn a_stored_state_continues() {
    let mut crawl = Crawl::new(options()).unwrap();
    crawl.next(&Robots::allow_all());
    crawl.visit(&docs().0["/"]);
    let stored = serde_json::to_string(&crawl).unwrap();
    let mut restored: Crawl = serde_json::from_str(&stored).unwrap();
    assert_eq!(restored, crawl);
    assert_eq!(
        docs().crawl(&mut restored, &Robots::allow_all()).0,
        ["/a", "/b", "/a/1", "/blog/1", "/a/2"]
    );
}

#[test]
fn addresses_of_one_page_have_one_key() {
    let key = |url: &str| url_key(&url.parse().unwrap());
    let page = key("https://example.com/a?id=1");
    for same in [
        "http://example.com/a?id=1",
        "https://example.com/a?id=1#top",
        "https://example.com:443/a?utm_medium=x&id=1",
        "https://EXAMPLE.com/a/?id=1&fbclid=2",
        "https://example.com./a?id=1",
    ] {
        assert_eq!(key(same), page, "{same}");
    }
    for other in [
        "https://example.com/a",
        "https://example.com/a?id=2",
        "https://www.example.com/a?id=1",
        "https://example.com:8443/a?id=1",
    ] {
        assert_ne!(key(other), page, "{other}");
    }
    assert_eq!(
        key("https://example.com/docs/index.html"),
        key("https://example.com/docs/")
    );
}

proptest! {
    /// Whatever pages link to, no page is requested twice and none of another host.
    #[test]
    fn every_crawl_ends_without_repetition(links in prop::collection::vec(prop::collection::vec(0..12_u8, 0..6), 12), pages in 0..20_u32, depth in 0..5_u32) {
        let mut crawl = Crawl::new(Options { max_pages: pages, max_depth: depth, ..options() }).unwrap();
        let robots = Robots::allow_all();
        let mut requested = HashSet::new();
        while let Step::Fetch { url, .. } = crawl.next(&robots) {
            prop_assert!(requested.insert(url.to_string()), "twice");
            prop_assert_eq!(url.host_str(), Some("example.com"));
            let number: usize = url.path().trim_start_matches('/').parse().unwrap_or(0);
            let targets = links[number].iter().map(|target| match target {
                11 => "https://other.example/1".to_owned(),
                target => format!("/{target}"),
            });
            let page = Page { url: url.to_string(), links: targets.collect(), content_hash: url.to_string(), ..Page::default() };
            crawl.visit(&page);
        }
        prop_assert!(crawl.pages() <= pages as usize);
    }
}
