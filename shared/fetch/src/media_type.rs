//! What a response is: its content decides where it can be told by its first bytes, else the header.

/// The types of content that can be indexed, now or by further extractors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// A web page.
    Html,
    /// Plain text, also source code and the like.
    Text,
    /// Markdown.
    Markdown,
    /// Comma-separated values.
    Csv,
    /// Portable Document Format.
    Pdf,
    /// A Word document (OOXML).
    Docx,
    /// An Excel workbook (OOXML).
    Xlsx,
    /// A `PowerPoint` presentation (OOXML).
    Pptx,
    /// An EPUB book.
    Epub,
    /// An `OpenDocument` text.
    Odt,
    /// XML: a sitemap, a feed.
    Xml,
    /// A gzip archive: a compressed sitemap.
    Gzip,
}

/// The start of a file in which its type is looked for; readers of PDF accept its header anywhere in it. Bytes.
const HEAD: usize = 1024;
/// How much of an archive is searched for the names of its parts, from both ends. Bytes.
const ARCHIVE_SEARCH: usize = 64 * 1024;

impl MediaType {
    /// Returns the usual extension of a file name: `html`, `txt`.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Pptx => "pptx",
            Self::Epub => "epub",
            Self::Odt => "odt",
            Self::Xml => "xml",
            Self::Gzip => "gz",
        }
    }

    /// Returns whether it is text, which has a charset.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Html | Self::Text | Self::Markdown | Self::Csv | Self::Xml)
    }
}

/// The header `Content-Type` (RFC 9110, section 8.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContentType {
    /// Without parameters, in lower case; empty if there is no header.
    pub(crate) essence: String,
    pub(crate) charset: Option<String>,
}

impl ContentType {
    pub(crate) fn parse(header: &str) -> Self {
        let mut parts = header.split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches(['"', '\'']);
            (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_ascii_lowercase())
        });
        Self { essence, charset }
    }

    /// Returns what it is if that can never be indexed, so that the body need not be read.
    pub(crate) fn hopeless(&self) -> Option<&'static str> {
        let (kind, subtype) = self.essence.split_once('/')?;
        match (kind, subtype) {
            ("image", "svg+xml") => Some("a drawing"),
            ("image", _) => Some("an image"),
            ("video", _) => Some("a video"),
            ("audio", _) => Some("an audio file"),
            ("font", _) => Some("a font"),
            ("application", "json" | "ld+json" | "x-ndjson") => Some("data (JSON)"),
            ("application", "javascript" | "x-javascript" | "wasm") | ("text", "javascript") => Some("a program"),
            ("text", "css") => Some("a style sheet"),
            ("text", "event-stream") | ("multipart", _) => Some("a stream"),
            _ => None,
        }
    }
}

/// Signatures of what cannot be indexed: bytes at the start, and what they are.
const UNSUPPORTED: [(&[u8], &str); 13] = [
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"II*\0", "an image"),
    (b"MM\0*", "an image"),
    (b"OggS", "an audio file"),
    (b"ID3", "an audio file"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"\xfd7zXZ\0", "an archive"),
    (b"BZh", "an archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
];

/// Returns the type of a body.
///
/// # Errors
/// Returns what it is if it cannot be indexed, with its article.
pub(crate) fn detect(bytes: &[u8], header: &ContentType) -> Result<MediaType, &'static str> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    if let Some((_, name)) = UNSUPPORTED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(name);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return archive(bytes).ok_or("an archive");
    }
    if bytes.starts_with(b"\x1f\x8b") {
        return Ok(MediaType::Gzip);
    }
    if find(head, b"%PDF-") && !looks_like_html(head) {
        return Ok(MediaType::Pdf);
    }
    let by_header = match header.essence.as_str() {
        "text/html" | "application/xhtml+xml" => Some(MediaType::Html),
        "text/markdown" | "text/x-markdown" => Some(MediaType::Markdown),
        "text/csv" => Some(MediaType::Csv),
        "text/xml" | "application/xml" => Some(MediaType::Xml),
        essence if essence.ends_with("+xml") => Some(MediaType::Xml),
        _ => None,
    };
    if is_binary(head) {
        return Err("a file of an unknown type");
    }
    // Whatever the header says: sites send pages as text, and text as a page.
    if looks_like_html(head) {
        return Ok(MediaType::Html);
    }
    match by_header {
        Some(media_type) => Ok(media_type),
        None if starts_with_ignoring_case(head, b"<?xml") => Ok(MediaType::Xml),
        None => Ok(MediaType::Text),
    }
}

/// Returns the type of a ZIP archive, by the names of its parts, which are not compressed: they precede each part, and
/// the directory at the end lists them.
fn archive(bytes: &[u8]) -> Option<MediaType> {
    let start = bytes.get(..ARCHIVE_SEARCH).unwrap_or(bytes);
    let end = bytes.get(bytes.len().saturating_sub(ARCHIVE_SEARCH)..).unwrap_or(bytes);
    let marks: [(&[u8], MediaType); 5] = [
        (b"mimetypeapplication/epub", MediaType::Epub),
        (b"mimetypeapplication/vnd.oasis.opendocument.text", MediaType::Odt),
        (b"word/document", MediaType::Docx),
        (b"xl/workbook", MediaType::Xlsx),
        (b"ppt/presentation", MediaType::Pptx),
    ];
    let found = marks.iter().find(|(mark, _)| find(start, mark) || find(end, mark));
    found.map(|(_, media_type)| *media_type)
}

/// Returns whether the first bytes are those of a page (<https://mimesniff.spec.whatwg.org/>, section 7.1, without
/// tags that prose may begin with).
fn looks_like_html(head: &[u8]) -> bool {
    let mut start = skip_space(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    while let Some(rest) = start.strip_prefix(b"<!--") {
        let Some(end) = rest.windows(3).position(|window| window == b"-->") else {
            return false;
        };
        start = skip_space(rest.get(end + 3..).unwrap_or_default());
    }
    let is_xhtml = starts_with_ignoring_case(start, b"<?xml") && find(head, b"<html");
    is_xhtml
        || [
            &b"<!doctype html"[..],
            b"<html",
            b"<head",
            b"<body",
            b"<title",
            b"<script",
        ]
        .iter()
        .any(|tag| starts_with_ignoring_case(start, tag))
}

/// Returns whether bytes are no text: they have control characters, and are not UTF-16 or UTF-32 with a byte order
/// mark.
fn is_binary(head: &[u8]) -> bool {
    let has_mark = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    let controls = head.iter().filter(|byte| is_control(byte)).count();
    !has_mark && (controls * 100 > head.len() || head.contains(&0))
}

fn skip_space(mut bytes: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t' | b'\n' | b'\r' | 0x0c, rest)) = bytes.split_first() {
        bytes = rest;
    }
    bytes
}

fn starts_with_ignoring_case(bytes: &[u8], start: &[u8]) -> bool {
    bytes
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(bytes: &[u8], header: &str) -> Result<MediaType, &'static str> {
        detect(bytes, &ContentType::parse(header))
    }

    #[test]
    fn content_decides_before_the_header() {
        let cases: [(&[u8], &str, Result<MediaType, &str>); 17] = [
            (b"<p>Hi", "text/html; charset=utf-8", Ok(MediaType::Html)),
            (b"\n<!-- x --><!DOCTYPE html><p>Hi", "text/plain", Ok(MediaType::Html)),
            (
                b"<?xml version='1.0'?><html/>",
                "application/xhtml+xml",
                Ok(MediaType::Html),
            ),
            (b"<?xml version='1.0'?><urlset/>", "text/xml", Ok(MediaType::Xml)),
            (b"<?xml version='1.0'?><urlset/>", "", Ok(MediaType::Xml)),
            (b"%PDF-1.7", "text/html", Ok(MediaType::Pdf)),
            (
                b"<!doctype html>The magic is %PDF-1.7",
                "text/html",
                Ok(MediaType::Html),
            ),
            (b"# Title", "text/markdown", Ok(MediaType::Markdown)),
            (b"a,b", "text/csv", Ok(MediaType::Csv)),
            (b"Hello", "", Ok(MediaType::Text)),
            (b"Hello", "application/octet-stream", Ok(MediaType::Text)),
            (b"\xff\xfeH\0i\0", "text/plain", Ok(MediaType::Text)),
            (
                b"PK\x03\x04....word/document.xml",
                "application/zip",
                Ok(MediaType::Docx),
            ),
            (b"PK\x03\x04....photos/1.jpg", "application/zip", Err("an archive")),
            (b"\x89PNG\r\n\x1a\n", "text/html", Err("an image")),
            (b"\0\x01\x02\x03", "text/html", Err("a file of an unknown type")),
            (b"\x1f\x8b\x08", "application/gzip", Ok(MediaType::Gzip)),
        ];
        for (bytes, header, expected) in cases {
            assert_eq!(detected(bytes, header), expected, "{header} {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_header_is_read_with_its_charset() {
        let header = ContentType::parse("Text/HTML ; x=y; Charset=\"Shift_JIS\"");
        assert_eq!(
            (header.essence.as_str(), header.charset.as_deref()),
            ("text/html", Some("shift_jis"))
        );
        assert_eq!(ContentType::parse("").hopeless(), None);
        assert_eq!(ContentType::parse("image/webp").hopeless(), Some("an image"));
    }
}
