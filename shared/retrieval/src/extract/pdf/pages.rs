//! Reads the pages of a file within limits.

use std::ops::ControlFlow;
use std::thread;

use pdf_oxide::PdfDocument;
use pdf_oxide::error::Error;
use pdf_oxide::fonts::global_cache::clear_global_font_cache;
use pdf_oxide::object::Object;

use super::geometry::Area;
use super::glyphs::{Budget, Content};
use super::store::{Dictionary, Store, into_dictionary};
use super::{
    DAMAGED, DECOMPRESSED_TOO_LARGE, TOO_MANY_PAGES, encryption, forms, glyphs, guard, page, stream_size, tree,
};
use crate::Kind;
use crate::extract::{ExtractError, MAX_TEXT_BYTES, PageText, TOO_MUCH_TEXT};

/// Maximum number of pages. A bible has 1,500.
pub(super) const MAX_PAGES: usize = 5_000;
/// Limit of the decompressed content streams of all pages together. Bytes.
const MAX_CONTENT_BYTES: usize = 256 * 1024 * 1024;
/// Limit of the content stream of one page. Bytes.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Limit of the operators and glyphs of one page with its forms; a page dense with text has about 10,000, a map a million.
const MAX_PAGE_STEPS: usize = 2_000_000;
/// Limit of the operators and glyphs of all pages together.
const MAX_STEPS: usize = 100_000_000;
/// The parser caches what it decodes; it is reopened after this much. Bytes.
const REOPEN_AFTER: usize = 32 * 1024 * 1024;
/// Page trees nest; a server's default thread stacks are too small for hostile ones. Bytes.
const STACK: usize = 128 * 1024 * 1024;
/// The standard places `startxref` in the last 1,024 bytes; servers and mailers append more. Bytes.
const TAIL: usize = 64 * 1024;
/// An image that covers more of the page is the page.
const IMAGE_OF_PAGE: f32 = 0.3;

const DAMAGED_PAGE: PageText = PageText {
    number: 0,
    of: 0,
    text: String::new(),
    unmapped: 0,
    has_drawing: false,
    is_image: false,
    is_crowded: false,
    is_damaged: true,
    is_transcribed: false,
};

/// Receives pages; a break ends the reading.
pub(crate) type Sink<'a> = dyn FnMut(PageText) -> ControlFlow<()> + Send + 'a;

/// Reads the pages from a number on, 1 is the first.
pub(crate) fn read(bytes: &[u8], first: u32, sink: &mut Sink<'_>) -> Result<(), ExtractError> {
    if !has_end(bytes) || !guard::is_flat(bytes) {
        return Err(DAMAGED);
    }
    if !stream_size::is_bounded(bytes) {
        return Err(DECOMPRESSED_TOO_LARGE);
    }
    on_own_stack(|| {
        let done = read_pages(bytes, first, sink);
        clear_global_font_cache();
        done
    })
}

/// Runs the parser on a separate thread: for the stack, and to contain a panic.
pub(super) fn on_own_stack(read: impl FnOnce() -> Result<(), ExtractError> + Send) -> Result<(), ExtractError> {
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read);
        reader.map_err(|_| DAMAGED)?.join().map_err(|_| DAMAGED)?
    })
}

/// Returns whether the file is complete. The parser would repair a truncated file and silently lose pages.
fn has_end(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default();
    tail.windows(9).any(|window| window == b"startxref")
}

fn read_pages(bytes: &[u8], first: u32, sink: &mut Sink<'_>) -> Result<(), ExtractError> {
    let mut store = open(bytes)?;
    tree::check(&store.document)?;
    let count = store.document.page_count().map_err(refusal)?;
    if count > MAX_PAGES {
        return Err(TOO_MANY_PAGES);
    }
    let of = u32::try_from(count).unwrap_or(u32::MAX);
    let (mut text, mut contents, mut since_open, mut steps) = (0, 0, 0, MAX_STEPS);
    let mut form_bytes = MAX_CONTENT_BYTES;
    let skipped = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
    for (index, number) in (0..count).zip(1..=of).skip(skipped) {
        if since_open > REOPEN_AFTER {
            // Before the next one is opened: each has a copy of the file.
            drop(store);
            store = open(bytes)?;
            since_open = 0;
        }
        let content = match store.document.get_page_content_data(index) {
            Ok(content) => Some(content),
            Err(error) if is_limit(&error) => return Err(DECOMPRESSED_TOO_LARGE),
            Err(_) => None,
        };
        let length = content.as_ref().map_or(0, Vec::len);
        contents += length;
        if contents > MAX_CONTENT_BYTES {
            return Err(DECOMPRESSED_TOO_LARGE);
        }
        let mut budget = Budget {
            steps: steps.min(MAX_PAGE_STEPS),
            form_bytes,
        };
        let before = budget.steps;
        let read = read_page(&store, index, content, &mut budget);
        let forms = form_bytes - budget.form_bytes;
        form_bytes = budget.form_bytes;
        since_open += length + forms;
        steps -= before - budget.steps;
        if form_bytes == 0 || steps == 0 {
            return Err(ExtractError::TooLarge("it would take too long to read"));
        }
        let page = PageText { number, of, ..read };
        text += page.text.len();
        if text > MAX_TEXT_BYTES {
            return Err(TOO_MUCH_TEXT);
        }
        if sink(page).is_break() {
            break;
        }
    }
    Ok(())
}

fn read_page(store: &Store, index: usize, content: Option<Vec<u8>>, budget: &mut Budget) -> PageText {
    let dictionary = store.document.get_page(index).ok().and_then(into_dictionary);
    let (Some(content), Some(dictionary)) = (content, dictionary) else {
        return DAMAGED_PAGE;
    };
    if is_content_missing(store, &dictionary) {
        return DAMAGED_PAGE;
    }
    // A drawing (map, plot): its text is not worth the cost.
    let is_crowded = content.len() > MAX_PAGE_BYTES;
    let mut drawn = if is_crowded {
        Content::default()
    } else {
        let resources = store.dictionary(&dictionary, "Resources").unwrap_or_default();
        glyphs::read(store, &content, &resources, area(store, &dictionary), budget)
    };
    drop(content);
    let notes = forms::read(store, &dictionary);
    drawn.glyphs.extend(notes.values);
    let (unmapped, image, has_drawing) = (drawn.unmapped, drawn.image, drawn.has_drawing);
    let is_crowded = is_crowded || drawn.is_crowded;
    let mut text = page::text(drawn.glyphs);
    for line in notes.lines {
        text.push_str("\n\n");
        text.push_str(&line);
    }
    PageText {
        text,
        unmapped: u32::try_from(unmapped).unwrap_or(u32::MAX),
        has_drawing,
        is_image: image > IMAGE_OF_PAGE,
        is_crowded,
        ..PageText::default()
    }
}

/// Returns whether a page refers to content that is not in the file: its end, or its middle, is lost.
fn is_content_missing(store: &Store, page: &Dictionary) -> bool {
    let is_missing = |item: &Object| store.resolved(item).is_null();
    match page.get("Contents") {
        Some(contents @ Object::Reference(_)) => match store.resolved(contents) {
            Object::Array(items) => !items.is_empty() && items.iter().all(is_missing),
            contents => contents.is_null(),
        },
        Some(Object::Array(items)) => !items.is_empty() && items.iter().all(is_missing),
        _ => false,
    }
}

/// Returns the visible area of a page.
pub(super) fn area(store: &Store, page: &Dictionary) -> Area {
    let named = |key| store.numbers(page, key).and_then(Area::between);
    named("CropBox").or_else(|| named("MediaBox")).unwrap_or(Area::LETTER)
}

/// Returns whether a stream was abandoned because it exceeds the parser's decompression limit.
fn is_limit(error: &Error) -> bool {
    matches!(error, Error::Decode(reason) if reason.contains("safety limit"))
}

/// Opens the document; tries the empty password on an encrypted one.
pub(super) fn open(bytes: &[u8]) -> Result<Store, ExtractError> {
    let mut document = PdfDocument::from_bytes(bytes.to_vec()).map_err(refusal)?;
    if let Some(upgraded) = encryption::upgraded(bytes, &document) {
        document = PdfDocument::from_bytes(upgraded).map_err(refusal)?;
    }
    if document.is_authenticated() {
        Ok(Store::new(document))
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
