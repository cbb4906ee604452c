//! PDF (ISO 32000), page by page.

mod columns;
mod guard;
mod lines;
mod page;
mod running;
mod stream_size;
mod tree;

use std::thread;

use pdf_oxide::PdfDocument;
use pdf_oxide::content::parser::set_max_ops_per_stream;
use pdf_oxide::error::Error;
use pdf_oxide::fonts::global_cache::clear_global_font_cache;

use super::{ExtractError, Extracted, MAX_TEXT_BYTES, Section, TOO_MUCH_TEXT, clean};
use crate::{Kind, SourceLocation};

/// Maximum number of pages. A bible has 1,500.
const MAX_PAGES: usize = 5_000;
/// Limit of the decompressed content streams of all pages together. Bytes.
const MAX_CONTENT_BYTES: usize = 256 * 1024 * 1024;
/// Limit of the content stream of one page. Bytes.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Limit of the operators of one page or form; a page dense with text has about 10,000.
const MAX_PAGE_OPERATORS: usize = 100_000;
/// Limit of the cost of all pages together, see [`guard::load`]: about 45 seconds of one slow core.
const MAX_EFFORT: usize = 3_000_000;
/// The parser caches what it decodes; it is reopened after this much. Bytes.
const REOPEN_AFTER: usize = 32 * 1024 * 1024;
/// Page trees and forms nest; a server's default thread stacks are too small for hostile ones. Bytes.
const STACK: usize = 128 * 1024 * 1024;
/// The standard places `startxref` in the last 1,024 bytes; servers and mailers append more. Bytes.
const TAIL: usize = 64 * 1024;

const TOO_MANY_PAGES: ExtractError = ExtractError::TooLarge("it has more than 5,000 pages");
const DECOMPRESSED_TOO_LARGE: ExtractError = ExtractError::TooLarge("its pages decompress to more than 256 MB");
const CROWDED: ExtractError = ExtractError::TooLarge("its pages contain more than can be read");
const DAMAGED: ExtractError = ExtractError::Damaged(Kind::Pdf);

/// Extracts the text of a PDF, one section per page.
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    if !has_end(bytes) || !guard::is_flat(bytes) {
        return Err(DAMAGED);
    }
    if !stream_size::is_bounded(bytes) {
        return Err(DECOMPRESSED_TOO_LARGE);
    }
    // On a separate thread: for the stack, and to contain a panic of the parser.
    let pages = thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || {
            set_max_ops_per_stream(Some(MAX_PAGE_OPERATORS));
            let pages = read(bytes);
            clear_global_font_cache();
            pages
        });
        reader.map_err(|_| DAMAGED)?.join().map_err(|_| DAMAGED)?
    })?;
    assemble(bytes, pages)
}

/// Returns whether the file is complete. The parser would repair a truncated file and silently lose pages.
fn has_end(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    contains(tail, b"startxref")
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The extracted pages.
#[derive(Default)]
struct Pages {
    texts: Vec<String>,
    /// Number of pages that could not be read.
    failed: usize,
    /// Number of pages with more content than is read.
    crowded: usize,
    /// Bytes of content streams.
    content: usize,
}

fn read(bytes: &[u8]) -> Result<Pages, ExtractError> {
    let mut document = open(bytes)?;
    tree::check(&document)?;
    let count = document.page_count().map_err(refusal)?;
    if count > MAX_PAGES {
        return Err(TOO_MANY_PAGES);
    }
    let mut pages = Pages::default();
    let (mut text, mut since_open, mut effort) = (0, 0, 0);
    for index in 0..count {
        if since_open > REOPEN_AFTER {
            // Before the next one is opened: each has a copy of the file.
            drop(document);
            document = open(bytes)?;
            since_open = 0;
        }
        let content = match document.get_page_content_data(index) {
            Ok(content) => content,
            Err(error) if is_limit(&error) => return Err(DECOMPRESSED_TOO_LARGE),
            Err(_) => Vec::new(),
        };
        since_open += content.len();
        pages.content += content.len();
        if pages.content > MAX_CONTENT_BYTES {
            return Err(DECOMPRESSED_TOO_LARGE);
        }
        // A drawing (map, plot) has no load: its text is not worth the cost.
        let load = guard::load(&content).filter(|_| content.len() <= MAX_PAGE_BYTES);
        drop(content);
        pages.crowded += usize::from(load.is_none());
        effort += load.unwrap_or(0);
        if effort > MAX_EFFORT {
            return Err(ExtractError::TooLarge("it would take too long to read"));
        }
        let page = load.map_or_else(|| Ok(String::new()), |_| page::text(&document, index));
        pages.failed += usize::from(page.is_err());
        let page = page.unwrap_or_default();
        text += page.len();
        if text > MAX_TEXT_BYTES {
            return Err(TOO_MUCH_TEXT);
        }
        pages.texts.push(page);
    }
    Ok(pages)
}

/// Returns whether a stream was abandoned because it exceeds the parser's decompression limit.
fn is_limit(error: &Error) -> bool {
    matches!(error, Error::Decode(reason) if reason.contains("safety limit"))
}

/// Opens the document; tries the empty password on an encrypted one.
fn open(bytes: &[u8]) -> Result<PdfDocument, ExtractError> {
    let document = PdfDocument::from_bytes(bytes.to_vec()).map_err(refusal)?;
    if document.is_authenticated() {
        Ok(document)
    } else {
        Err(ExtractError::Encrypted(Kind::Pdf))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refusal(error: Error) -> ExtractError {
    match error {
        Error::EncryptedPdf => ExtractError::Encrypted(Kind::Pdf),
        _ => DAMAGED,
    }
}

fn assemble(bytes: &[u8], pages: Pages) -> Result<Extracted, ExtractError> {
    let count = pages.texts.len();
    if count == 0 || pages.failed * 2 > count {
        return Err(DAMAGED);
    }
    let texts = running::without_heads_and_feet(pages.texts);
    let sections: Vec<Section> = (1..)
        .zip(texts)
        .map(|(number, text)| Section {
            place: SourceLocation::Page(number),
            text: clean::reflow(&text),
        })
        .filter(|section| section.text.chars().any(char::is_alphanumeric))
        .collect();
    // Image streams cannot be inside other streams, so their type is visible even if everything else is compressed.
    let has_images = contains(bytes, b"/Image");
    if is_text_free(&sections, count, has_images) {
        return Err(if pages.crowded > 0 {
            CROWDED
        } else if has_images || pages.content > 0 {
            ExtractError::NoText
        } else {
            ExtractError::Empty
        });
    }
    Ok(Extracted {
        sections,
        pages: u32::try_from(count).ok(),
    })
}

/// Returns whether there is no text, almost none beside images (a scanner's stamp), or only glyphs without a meaning.
fn is_text_free(sections: &[Section], pages: usize, has_images: bool) -> bool {
    let chars = || sections.iter().flat_map(|section| section.text.chars());
    let readable = chars().filter(|c| c.is_alphanumeric()).count();
    let unmapped = chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    readable == 0 || unmapped > readable || (has_images && readable < 8 * pages)
}

#[cfg(test)]
mod tests;
