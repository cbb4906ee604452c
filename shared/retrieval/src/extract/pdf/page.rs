//! The text of one page in reading order.

use pdf_oxide::PdfDocument;
use pdf_oxide::error::Error;

use super::super::clean;
use super::{columns, lines};

/// A word and where it stands, in points; y grows upwards.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) y: f32,
}

/// Reads a page: one line per line of the page, an empty line between paragraphs, columns one after the other.
///
/// The parser finds the words; their order is found here, from where they stand. Its own text was measured against
/// poppler's: it mixes columns on pages that begin with a title or a figure, and divides widely set paragraphs.
pub(super) fn text(document: &PdfDocument, index: usize) -> Result<String, Error> {
    let found = document.extract_words(index)?;
    let upright = found.iter().filter(|word| word.rotation_degrees == 0.0).count();
    let words: Vec<Word> = found.iter().filter_map(|word| to_word(&word.text, word.bbox)).collect();
    drop(found);
    // Turned pages and vertical scripts are rare; the parser knows how to turn them.
    if upright * 2 < words.len() || is_vertical(&words) {
        return Ok(clean::normalize(&document.extract_text(index)?));
    }
    let em = em(&words);
    let mut text = String::new();
    for block in columns::blocks(words, em) {
        lines::write(&mut text, block, em);
    }
    Ok(clean::normalize(&text))
}

fn to_word(text: &str, bounds: pdf_oxide::geometry::Rect) -> Option<Word> {
    let (left, right, y) = (bounds.x, bounds.x + bounds.width, bounds.y);
    let is_somewhere = left.is_finite() && right.is_finite() && y.is_finite();
    (is_somewhere && !text.trim().is_empty()).then(|| Word { text: text.trim().to_owned(), left, right, y })
}

/// The usual height of the letters. Font sizes are a matter of the font's own units, widths are not.
fn em(words: &[Word]) -> f32 {
    let mut widths: Vec<f32> = words
        .iter()
        .map(|word| (word.right - word.left) / word.text.chars().map(|c| if clean::is_ideograph(c) { 2.0 } else { 1.0 }).sum::<f32>())
        .filter(|width| *width > 0.0)
        .collect();
    widths.sort_unstable_by(f32::total_cmp);
    // A Latin letter is about half as wide as its font is high.
    widths.get(widths.len() / 2).map_or(10.0, |width| width * 2.0)
}

/// Chinese or Japanese set in columns from right to left: single characters below each other.
fn is_vertical(words: &[Word]) -> bool {
    let is_single = |word: &Word| {
        let mut chars = word.text.chars();
        chars.next().is_some_and(clean::is_ideograph) && chars.next().is_none()
    };
    let below = |pair: &[Word]| {
        is_single(&pair[0]) && is_single(&pair[1]) && (pair[0].left - pair[1].left).abs() < 1.0 && pair[0].y != pair[1].y
    };
    words.windows(2).filter(|pair| below(pair)).count() * 2 > words.len()
}
