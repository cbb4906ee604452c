//! Detects the format of a file by its first bytes, not by its name.

/// The formats that users upload, supported or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pdf,
    Zip(Archive),
    /// A password-protected Office file is an OLE container around the encrypted ZIP (MS-OFFCRYPTO).
    EncryptedOffice,
    /// Nothing else matches and there are no control characters.
    Text,
    /// Text that begins like a web page.
    Html,
    /// Recognized but not supported; the name has its article.
    Other(&'static str),
    /// Binary, and not recognized.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archive {
    Word,
    Excel,
    PowerPoint,
    OpenDocument,
    Epub,
    Other,
}

impl Format {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Pdf => "a PDF",
            Self::Zip(Archive::Word) => "a Word document (.docx)",
            Self::Zip(Archive::Excel) => "an Excel workbook (.xlsx)",
            Self::Zip(Archive::PowerPoint) => "a PowerPoint presentation (.pptx)",
            Self::Zip(Archive::OpenDocument) => "an OpenDocument file",
            Self::Zip(Archive::Epub) => "an EPUB book",
            Self::Zip(Archive::Other) => "a ZIP archive",
            Self::EncryptedOffice => "a password-protected Office file",
            Self::Text => "plain text",
            Self::Html => "a web page (HTML)",
            Self::Other(name) => name,
            Self::Unknown => "binary data",
        }
    }
}

/// Signatures (offset, bytes, name) of files that are commonly mistaken for documents.
const SIGNATURES: [(usize, &[u8], &str); 22] = [
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
    (0, b"{\\rtf", "a rich text file (.rtf)"),
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
            Format::Other("an old Office file (.doc, .xls, .ppt)")
        };
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Format::Zip(archive(bytes));
    }
    if contains(head, b"%PDF-") {
        return Format::Pdf;
    }
    if super::txt::is_text(bytes) {
        text_format(head)
    } else {
        Format::Unknown
    }
}

/// File names are uncompressed in a ZIP.
fn archive(bytes: &[u8]) -> Archive {
    let marks: [(&[u8], Archive); 5] = [
        (b"mimetypeapplication/epub", Archive::Epub),
        (b"mimetypeapplication/vnd.oasis", Archive::OpenDocument),
        (b"word/document", Archive::Word),
        (b"xl/workbook", Archive::Excel),
        (b"ppt/presentation", Archive::PowerPoint),
    ];
    marks
        .iter()
        .find(|(mark, _)| contains(bytes, mark))
        .map_or(Archive::Other, |(_, archive)| *archive)
}

fn text_format(head: &[u8]) -> Format {
    let start: String = head
        .iter()
        .map(|b| char::from(b.to_ascii_lowercase()))
        .take(200)
        .collect();
    let start = start.trim_start_matches(|c: char| c.is_whitespace() || !c.is_ascii());
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Format::Html;
    }
    Format::Text
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
