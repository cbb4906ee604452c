//! PDF (ISO 32000), page by page.
//!
//! The parser `pdf_oxide` reads objects, streams and fonts. The text of a page is computed here from the glyphs that its
//! content draws:
//!
//! ```text
//! store -> glyphs (content, font, marks) -> frames -> accents -> words -> columns -> lines -> clean
//! ```

mod accents;
mod bidi;
mod columns;
mod content;
mod encryption;
mod font;
mod forms;
mod frames;
mod geometry;
mod glyphs;
mod guard;
mod images;
mod layers;
mod line_numbers;
mod lines;
mod marks;
mod page;
mod pages;
mod resources;
mod running;
mod store;
mod stream_size;
mod strings;
mod table;
mod tree;
mod words;

use std::ops::ControlFlow;

use super::clean::{self, Compounds};
use super::{ExtractError, Extracted, PageText, Section};
use crate::{Kind, SourceLocation};

pub(super) use images::read as read_images;
pub(super) use pages::read;

const TOO_MANY_PAGES: ExtractError = ExtractError::TooLarge("it has more than 5,000 pages");
const DECOMPRESSED_TOO_LARGE: ExtractError = ExtractError::TooLarge("its pages decompress to more than 256 MB");
const CROWDED: ExtractError = ExtractError::TooLarge("its pages contain more than can be read");
const DAMAGED: ExtractError = ExtractError::Damaged(Kind::Pdf);

/// Fewer letters and digits on a page with an image are a scanner's stamp.
pub(super) const STAMP: usize = 8;

/// Extracts the text of a PDF, one section per page.
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let mut pages = Vec::new();
    read(bytes, 1, &mut |page| {
        pages.push(page);
        ControlFlow::Continue(())
    })?;
    assemble(pages)
}

/// Makes a document of its pages: what they have in common is kept once, lines become paragraphs.
pub(super) fn assemble(pages: Vec<PageText>) -> Result<Extracted, ExtractError> {
    let count = pages.len();
    let total = |part: fn(&PageText) -> bool| pages.iter().filter(|page| part(page)).count();
    if count == 0 || total(|page| page.is_damaged) * 2 > count {
        return Err(DAMAGED);
    }
    let readable: usize = pages.iter().map(letters).sum();
    let unmapped: usize = pages.iter().map(|page| page.unmapped as usize).sum();
    let scanned = total(PageText::is_scan);
    if scanned * 2 >= count && readable < STAMP * count {
        return Err(ExtractError::Scanned);
    }
    if readable == 0 || unmapped > readable {
        return Err(if total(|page| page.is_crowded) > 0 {
            CROWDED
        } else if total(|page| page.is_damaged) > 0 {
            DAMAGED
        } else if total(|page| page.is_image) > 0 {
            ExtractError::Scanned
        } else if unmapped > 0 || total(|page| page.has_drawing) > 0 {
            ExtractError::NoText
        } else {
            ExtractError::Empty
        });
    }
    let numbers: Vec<u32> = pages.iter().map(|page| page.number).collect();
    let texts = running::without_repeated(pages.into_iter().map(|page| page.text).collect());
    let compounds = Compounds::of(texts.iter().map(String::as_str));
    let sections: Vec<Section> = numbers
        .into_iter()
        .zip(texts)
        .map(|(number, text)| Section {
            place: SourceLocation::Page(number),
            text: clean::reflow(&text, &compounds),
        })
        .filter(|section| section.text.chars().any(char::is_alphanumeric))
        .collect();
    Ok(Extracted {
        sections,
        pages: u32::try_from(count).ok(),
    })
}

pub(super) fn letters(page: &PageText) -> usize {
    page.text.chars().filter(|c| c.is_alphanumeric()).count()
}

#[cfg(test)]
mod tests;
