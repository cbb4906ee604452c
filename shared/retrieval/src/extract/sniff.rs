//! Detects the format of a file by its first bytes, not by its name.

use super::package::Package;
use super::{contains, encoding};
use crate::Kind;

/// The formats that users upload, supported or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A kind that its content shows.
    Kind(Kind),
    /// A password-protected Office file is an OLE container around the encrypted ZIP (MS-OFFCRYPTO).
    EncryptedOffice,
    /// Nothing else matches and there are no control characters.
    Text,
    /// Recognized but not supported; the name has its article.
    Other(&'static str),
    /// Binary, and not recognized.
    Unknown,
}

impl Format {
    /// Returns the name of an unsupported format, with its article.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Other(name) => name,
            Self::EncryptedOffice => "a password-protected Office file",
            Self::Text => "plain text",
            Self::Kind(_) => "another type of document",
            Self::Unknown => "binary data",
        }
    }
}

/// Signatures (offset, bytes, name) of files that are commonly mistaken for documents.
const SIGNATURES: [(usize, &[u8], &str); 21] = [
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftypheic", "a HEIC image"),
    (4, b"ftyp", "a video"),
    (0, b"OggS", "an audio file"),
    (0, b"ID3", "an audio file"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\xfd7zXZ\0", "an XZ archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90", "a program"),
    (0, b"SQLite format 3\0", "a SQLite database"),
];

const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

pub(super) fn format(bytes: &[u8]) -> Format {
    // ISO 32000-2, annex I: readers accept the header anywhere in the first 1,024 bytes.
    let head = &bytes[..bytes.len().min(1024)];
    if let Some((_, _, name)) = SIGNATURES
        .iter()
        .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic)))
    {
        return Format::Other(name);
    }
    if bytes.starts_with(OLE) {
        // Stream names are UTF-16.
        let is_encrypted = contains(bytes, &utf16("EncryptedPackage"));
        return if is_encrypted {
            Format::EncryptedOffice
        } else {
            Format::Other("an old Office file (.doc, .xls, .ppt) or an Outlook message (.msg)")
        };
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return archive(bytes);
    }
    if contains(head, b"%PDF-") {
        return Format::Kind(Kind::Pdf);
    }
    if bytes.starts_with(b"{\\rtf") {
        return Format::Kind(Kind::Rtf);
    }
    if encoding::is_text(bytes) {
        text_format(head)
    } else {
        Format::Unknown
    }
}

/// Tells apart the formats that are ZIP archives, by the names of their parts.
fn archive(bytes: &[u8]) -> Format {
    let marks: [(&str, Format); 6] = [
        ("word/document", Format::Kind(Kind::Docx)),
        ("xl/workbook.bin", Format::Other("a binary Excel workbook (.xlsb)")),
        ("xl/workbook", Format::Kind(Kind::Xlsx)),
        ("ppt/presentation", Format::Kind(Kind::Pptx)),
        ("META-INF/container.xml", Format::Kind(Kind::Epub)),
        (
            "Index/Document.iwa",
            Format::Other("an Apple iWork file (.pages, .numbers, .key)"),
        ),
    ];
    let Ok(mut package) = Package::open(bytes, Kind::Docx) else {
        // A damaged archive is still called by its name: that of a part is uncompressed.
        let found = marks.iter().find(|(mark, _)| contains(bytes, mark.as_bytes()));
        return found.map_or(Format::Other("a ZIP archive"), |(_, format)| *format);
    };
    // OpenDocument and EPUB files say what they are.
    if let Ok(Some(media_type)) = package.bytes("mimetype") {
        match media_type.trim_ascii() {
            b"application/epub+zip" => return Format::Kind(Kind::Epub),
            b"application/vnd.oasis.opendocument.text" | b"application/vnd.oasis.opendocument.text-template" => {
                return Format::Kind(Kind::Odt);
            }
            b"application/vnd.oasis.opendocument.spreadsheet"
            | b"application/vnd.oasis.opendocument.spreadsheet-template" => return Format::Kind(Kind::Ods),
            b"application/vnd.oasis.opendocument.presentation"
            | b"application/vnd.oasis.opendocument.presentation-template" => return Format::Kind(Kind::Odp),
            other if other.starts_with(b"application/vnd.oasis") => {
                return Format::Other("an OpenDocument file without text");
            }
            _ => {}
        }
    }
    marks
        .iter()
        .find(|(mark, _)| package.names().any(|name| name.starts_with(mark.as_bytes())))
        .map_or(Format::Other("a ZIP archive"), |(_, format)| *format)
}

fn text_format(head: &[u8]) -> Format {
    let start: String = head
        .iter()
        .filter(|byte| **byte != 0)
        .map(|b| char::from(b.to_ascii_lowercase()))
        .collect();
    let start = start.trim_start_matches(|c: char| c.is_whitespace() || !c.is_ascii());
    let markup = start
        .split_once("?>")
        .filter(|(declaration, _)| declaration.starts_with("<?xml"));
    let markup = markup.map_or(start, |(_, rest)| rest.trim_start());
    if markup.starts_with("<!doctype html") || markup.starts_with("<html") {
        return Format::Kind(Kind::Html);
    }
    if is_mail(start) {
        return Format::Kind(Kind::Eml);
    }
    Format::Text
}

/// Returns whether a text begins with header fields (RFC 5322, 2.2), one of which only mail programs write.
fn is_mail(start: &str) -> bool {
    const WRITTEN_BY_PROGRAMS: [&str; 5] = [
        "received",
        "message-id",
        "mime-version",
        "return-path",
        "dkim-signature",
    ];
    let mut by_program = false;
    let mut fields = 0;
    for line in start.lines().skip_while(|line| line.starts_with("from ")) {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else { break };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return false;
        }
        by_program |= WRITTEN_BY_PROGRAMS.contains(&name);
        fields += 1;
    }
    by_program && fields >= 3
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_told_from_text_that_looks_like_it() {
        let mail = b"Return-Path: <ada@example.com>\r\nFrom: Ada\r\nSubject: Lamp\r\n folded\r\n\r\nHello";
        assert_eq!(format(mail), Format::Kind(Kind::Eml));
        assert_eq!(format(b"From: me\nTo: you\nSubject: memo\n\nHello"), Format::Text);
        assert_eq!(format(b"Note: this is text\nMessage-ID: 3\nand more"), Format::Text);
    }

    #[test]
    fn a_web_page_may_begin_with_a_declaration_of_xml() {
        let page = b"<?xml version='1.0'?>\n<!DOCTYPE html><html><p>hi</p></html>";
        assert_eq!(format(page), Format::Kind(Kind::Html));
        assert_eq!(format(b"<?xml version='1.0'?><note>hi</note>"), Format::Text);
    }
}
