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
            match crawl.next_step() {
                Step::Finished(end) => return (requested, kept, end),
                Step::Robots { url } => crawl.set_robots(&url, robots.clone()),
                Step::Sitemap { url } => requested.push(url.path().to_owned()),
                Step::Fetch { url, .. } => {
                    requested.push(url.path().to_owned());
                    if let Some(page) = self.0.get(url.path())
                        && matches!(crawl.visit(page), Verdict::Keep { .. })
                    {
                        kept.push(url.path().to_owned());
                    }
                }
            }
        }
    }
}

/// Returns the next step; what the hosts allow is everything.
fn next(crawl: &mut Crawl) -> Step {
    match crawl.next_step() {
        Step::Robots { url } => {
            crawl.set_robots(&url, Robots::allow_all());
            crawl.next_step()
        }
        step => step,
    }
}

fn options() -> Options {
    Options {
        start: "https://example.com/".to_owned(),
        max_depth: 3,
        max_pages: 100,
        sitemap: false,
        hosts: Vec::new(),
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
    next(&mut crawl);
    let home = page("https://www.example.com/", &["/a", "/b"], "home");
    assert!(matches!(crawl.visit(&home), Verdict::Keep { .. }));
    let Step::Fetch { url, .. } = next(&mut crawl) else {
        unreachable!("a link")
    };
    assert_eq!(
        (url.as_str(), crawl.delay(&url)),
        ("https://www.example.com/a", DEFAULT_DELAY)
    );
    assert_eq!(
        crawl.visit(&page("https://evil.example/a", &["/x"], "x")),
        Verdict::Outside
    );
    assert!(matches!(next(&mut crawl), Step::Fetch { url, .. } if url.path() == "/b"));
    assert_eq!(next(&mut crawl), Step::Finished(End::Complete));
}

fn entries(urls: &[&str]) -> Vec<Entry> {
    let entry = |url: &&str| Entry {
        url: (*url).to_owned(),
        last_modified: None,
    };
    urls.iter().map(entry).collect()
}

#[test]
fn sitemaps_and_their_indexes_add_pages_of_the_site() {
    let with_sitemap = Options {
        max_depth: 0,
        sitemap: true,
        ..options()
    };
    let mut crawl = Crawl::new(with_sitemap.clone()).unwrap();
    let robots = Robots::parse(b"Sitemap: https://example.com/index.xml\nUser-agent: *\nDisallow: /b");
    let Step::Robots { url } = crawl.next_step() else {
        unreachable!("the rules come first")
    };
    crawl.set_robots(&url, robots.clone());
    let sitemap = |crawl: &mut Crawl| match crawl.next_step() {
        Step::Sitemap { url } => url.to_string(),
        step => unreachable!("{step:?}"),
    };
    assert_eq!(sitemap(&mut crawl), "https://example.com/index.xml");
    let further = [
        "https://example.com/1.xml",
        "https://cdn.example/2.xml",
        "https://example.com/1.xml",
        "file:///3",
    ];
    crawl.add_sitemap(&Sitemap::Index(entries(&further)));
    assert_eq!(sitemap(&mut crawl), "https://example.com/1.xml");
    let pages = [
        "https://example.com/a/3",
        "https://other.example/x",
        "https://example.com/",
        "https://example.com/b",
        "no address",
    ];
    crawl.add_sitemap(&Sitemap::Pages(entries(&pages)));
    assert_eq!(sitemap(&mut crawl), "https://cdn.example/2.xml");
    // An index in an index in an index is not read.
    crawl.add_sitemap(&Sitemap::Index(entries(&["https://example.com/4.xml"])));
    assert_eq!(sitemap(&mut crawl), "https://example.com/4.xml");
    crawl.add_sitemap(&Sitemap::Index(entries(&["https://example.com/5.xml"])));
    let (requested, kept, end) = docs().crawl(&mut crawl, &robots);
    assert_eq!(
        (requested.clone(), end),
        (vec!["/".to_owned(), "/a/3".to_owned()], End::Complete)
    );
    assert_eq!(kept, requested);
    assert_eq!(crawl.take_disallowed(), ["https://example.com/b"]);
    assert!(crawl.take_disallowed().is_empty());
    let listed = Options {
        start: "https://example.com/map.xml".to_owned(),
        ..with_sitemap
    };
    let mut crawl = Crawl::new(listed).unwrap();
    assert_eq!(sitemap(&mut crawl), "https://example.com/map.xml");
    crawl.add_sitemap(&Sitemap::Pages(entries(&["https://example.com/a"])));
    assert_eq!(docs().crawl(&mut crawl, &robots).0, ["/a"]);
}

#[test]
fn sitemaps_without_end_are_not_all_read() {
    let mut crawl = Crawl::new(Options {
        sitemap: true,
        ..options()
    })
    .unwrap();
    let many: Vec<String> = (0..500)
        .map(|number| format!("https://example.com/{number}.xml"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut read = 0;
    loop {
        match crawl.next_step() {
            Step::Robots { url } => crawl.set_robots(&url, Robots::allow_all()),
            Step::Sitemap { .. } => {
                read += 1;
                crawl.add_sitemap(&Sitemap::Index(entries(&many)));
            }
            _ => break,
        }
    }
    assert_eq!(read, MAX_SITEMAPS);
}

#[test]
fn listed_hosts_have_rules_of_their_own() {
    let mut crawl = Crawl::new(Options {
        hosts: vec!["docs.example.com".to_owned()],
        ..options()
    })
    .unwrap();
    next(&mut crawl);
    crawl.visit(&Page {
        url: "https://example.com/".to_owned(),
        links: vec![
            "https://docs.example.com/a".to_owned(),
            "https://docs.example.com/b".to_owned(),
        ],
        content_hash: "home".to_owned(),
        ..Page::default()
    });
    let Step::Robots { url } = crawl.next_step() else {
        unreachable!("another host")
    };
    assert_eq!(url.as_str(), "https://docs.example.com/robots.txt");
    crawl.set_robots(&url, Robots::parse(b"User-agent: *\nDisallow: /a\nCrawl-delay: 7"));
    let Step::Fetch { url, depth } = crawl.next_step() else {
        unreachable!("a page")
    };
    assert_eq!((url.path(), depth, crawl.delay(&url).as_secs()), ("/b", 1, 7));
    // A redirect leads to what may not be read.
    let redirected = Page {
        url: "https://docs.example.com/a/1".to_owned(),
        ..Page::default()
    };
    assert_eq!(crawl.visit(&redirected), Verdict::Outside);
}

#[test]
fn known_pages_are_read_first_and_count() {
    let mut crawl = Crawl::new(Options {
        max_pages: 3,
        ..options()
    })
    .unwrap();
    crawl.add_known([
        ("https://example.com/a/3".to_owned(), 4),
        ("https://example.com/".to_owned(), 0),
        ("https://other.example/".to_owned(), 1),
    ]);
    let (requested, kept, end) = docs().crawl(&mut crawl, &Robots::allow_all());
    assert_eq!(requested, ["/", "/a/3", "/a"]);
    assert_eq!((kept.len(), end), (3, End::PageLimit));
}

#[test]
fn a_stored_state_continues() {
    let mut crawl = Crawl::new(options()).unwrap();
    next(&mut crawl);
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
        let mut requested = HashSet::new();
        while let Step::Fetch { url, .. } = next(&mut crawl) {
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
