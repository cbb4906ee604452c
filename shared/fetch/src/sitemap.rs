//! Sitemaps (<https://www.sitemaps.org/protocol.html>): XML, an index of further ones, or lines of text; also
//! compressed with gzip.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use quick_xml::{Reader, events::Event};

/// Largest sitemap of the protocol, decompressed. Bytes.
const MAX_BYTES: u64 = 50 * 1024 * 1024;
/// Most pages of a sitemap of the protocol.
const MAX_ENTRIES: usize = 50_000;
/// Longer addresses are left out, in bytes: the protocol's limit.
const MAX_URL_BYTES: usize = 2_048;

/// What a sitemap lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sitemap {
    /// Pages.
    Pages(Vec<Entry>),
    /// Further sitemaps.
    Index(Vec<Entry>),
}

/// An address in a sitemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The address, as written.
    pub url: String,
    /// When it was last changed, as written: W3C date and time.
    pub last_modified: Option<String>,
}

/// The bytes are no sitemap, or one that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a sitemap")]
pub struct InvalidSitemap;

impl Sitemap {
    /// Parses a sitemap.
    ///
    /// # Errors
    /// If the bytes are none, or exceed the limits of the protocol when decompressed.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidSitemap> {
        let decompressed;
        let bytes = if bytes.starts_with(b"\x1f\x8b") {
            let mut out = Vec::new();
            let mut decoder = MultiGzDecoder::new(bytes).take(MAX_BYTES + 1);
            decoder.read_to_end(&mut out).map_err(|_| InvalidSitemap)?;
            decompressed = out;
            &decompressed
        } else {
            bytes
        };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(InvalidSitemap);
        }
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let text = text.trim_start();
        if text.starts_with('<') { xml(text) } else { lines(text) }
    }
}

fn lines(text: &str) -> Result<Sitemap, InvalidSitemap> {
    let is_address = |line: &&str| line.starts_with("https://") || line.starts_with("http://");
    let lines = text
        .lines()
        .map(str::trim)
        .filter(is_address)
        .filter(|line| line.len() <= MAX_URL_BYTES);
    let entries: Vec<Entry> = lines
        .take(MAX_ENTRIES)
        .map(|line| Entry {
            url: line.to_owned(),
            last_modified: None,
        })
        .collect();
    if entries.is_empty() {
        Err(InvalidSitemap)
    } else {
        Ok(Sitemap::Pages(entries))
    }
}

/// The element of an entry whose text is read.
#[derive(Clone, Copy)]
enum Field {
    Location,
    LastModified,
}

fn xml(text: &str) -> Result<Sitemap, InvalidSitemap> {
    let mut reader = Reader::from_str(text);
    // Sites forget to close elements; what could be read is of use.
    reader.config_mut().check_end_names = false;
    let mut is_index = None;
    let mut entries = Vec::new();
    let (mut location, mut modified) = (String::new(), String::new());
    let mut field = None;
    let mut depth = 0_u32;
    while entries.len() < MAX_ENTRIES {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                depth += 1;
                match (depth, tag.local_name().as_ref()) {
                    (1, "urlset") => is_index = Some(false),
                    (1, "sitemapindex") => is_index = Some(true),
                    (1, _) => return Err(InvalidSitemap),
                    (2, _) => (location, modified) = (String::new(), String::new()),
                    (3, "loc") => field = Some(Field::Location),
                    (3, "lastmod") => field = Some(Field::LastModified),
                    _ => {}
                }
            }
            Ok(Event::End(_)) => {
                if depth == 2 {
                    push(&mut entries, &location, &modified);
                    (location, modified) = (String::new(), String::new());
                }
                field = None;
                depth = depth.saturating_sub(1);
            }
            Ok(Event::Text(text)) => append(field, &text.xml10_content(), &mut location, &mut modified),
            Ok(Event::CData(text)) => append(field, &text.xml10_content(), &mut location, &mut modified),
            Ok(Event::GeneralRef(reference)) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    _ => quick_xml::escape::resolve_xml_entity(&reference)
                        .unwrap_or_default()
                        .to_owned(),
                };
                append(field, &resolved, &mut location, &mut modified);
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    match is_index {
        Some(true) => Ok(Sitemap::Index(entries)),
        Some(false) => Ok(Sitemap::Pages(entries)),
        None => Err(InvalidSitemap),
    }
}

fn append(field: Option<Field>, text: &str, location: &mut String, modified: &mut String) {
    let target = match field {
        Some(Field::Location) => location,
        Some(Field::LastModified) => modified,
        None => return,
    };
    if target.len() + text.len() <= MAX_URL_BYTES * 2 {
        target.push_str(text);
    }
}

fn push(entries: &mut Vec<Entry>, location: &str, modified: &str) {
    let (location, modified) = (location.trim(), modified.trim());
    if !location.is_empty() && location.len() <= MAX_URL_BYTES {
        entries.push(Entry {
            url: location.to_owned(),
            last_modified: Some(modified.to_owned()).filter(|text| !text.is_empty()),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const PAGES: &str = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" xmlns:image=\"http://www.google.com/schemas/sitemap-image/1.1\">\n\
        <url><loc> https://example.com/a?x=1&amp;y=2 </loc><lastmod>2026-11-01</lastmod><priority>1</priority></url>\n\
        <url><loc><![CDATA[https://example.com/b]]></loc><image:image><image:loc>https://example.com/b.jpg</image:loc></image:image></url>\n\
        <url><priority>1</priority></url></urlset>";

    fn urls(sitemap: &Sitemap) -> Vec<&str> {
        let (Sitemap::Pages(entries) | Sitemap::Index(entries)) = sitemap;
        entries.iter().map(|entry| entry.url.as_str()).collect()
    }

    #[test]
    fn pages_are_listed_with_their_dates() {
        let Ok(Sitemap::Pages(entries)) = Sitemap::parse(PAGES.as_bytes()) else {
            unreachable!("pages");
        };
        assert_eq!(entries[0].last_modified.as_deref(), Some("2026-11-01"));
        assert_eq!(
            urls(&Sitemap::Pages(entries)),
            ["https://example.com/a?x=1&y=2", "https://example.com/b"]
        );
    }

    #[test]
    fn an_index_lists_further_sitemaps() {
        let index = "<sitemapindex><sitemap><loc>https://example.com/1.xml.gz</loc></sitemap></sitemapindex>";
        let parsed = Sitemap::parse(index.as_bytes()).unwrap();
        assert!(matches!(parsed, Sitemap::Index(_)));
        assert_eq!(urls(&parsed), ["https://example.com/1.xml.gz"]);
    }

    #[test]
    fn compressed_and_plain_ones_are_read() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(PAGES.as_bytes()).unwrap();
        assert_eq!(urls(&Sitemap::parse(&encoder.finish().unwrap()).unwrap()).len(), 2);
        let lines = Sitemap::parse(b"https://example.com/a\r\nno address\nhttp://example.com/b\n").unwrap();
        assert_eq!(urls(&lines), ["https://example.com/a", "http://example.com/b"]);
    }

    #[test]
    fn a_bomb_and_other_files_are_none() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..60 {
            encoder.write_all(&vec![b' '; 1024 * 1024]).unwrap();
        }
        assert_eq!(Sitemap::parse(&encoder.finish().unwrap()), Err(InvalidSitemap));
        for bytes in [&b""[..], b"<html><body>", b"<rss><channel>", b"text", b"\x1f\x8b\x08"] {
            assert_eq!(Sitemap::parse(bytes), Err(InvalidSitemap), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_entity_of_a_document_type_is_never_expanded() {
        let xml = "<!DOCTYPE urlset [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;\">]><urlset><url><loc>https://example.com/&b;</loc></url></urlset>";
        assert_eq!(urls(&Sitemap::parse(xml.as_bytes()).unwrap()), ["https://example.com/"]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Sitemap::parse(&bytes);
        }

        #[test]
        fn any_tags_end(parts in prop::collection::vec(prop_oneof!["<urlset>", "<url>", "</url>", "<loc>", "</loc>", "x", "&", "<!--", "]]>"], 0..60)) {
            let _ = Sitemap::parse(parts.concat().as_bytes());
        }
    }
}
