//! The text of one page in reading order.

use pdf_oxide::PdfDocument;
use pdf_oxide::error::Error;
use pdf_oxide::geometry::Rect;

use super::super::clean;
use super::{columns, lines};

/// A word and its position, in points; y grows upwards.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) y: f32,
}

/// Reads a page: one line per line of the page, an empty line between paragraphs, columns one after the other.
///
/// The parser finds the words; their order is computed here from their positions. The parser's own text was compared
/// with poppler's: it mixes columns on pages that begin with a title or a figure, and splits widely set paragraphs.
pub(super) fn text(document: &PdfDocument, index: usize) -> Result<String, Error> {
    // Rotated text (a landscape table, a stamp in the margin) is read separately, the most frequent rotation first.
    let mut turns: Vec<(Turn, Vec<Word>)> = Vec::new();
    // The words of a rotated page are already positioned as the reader sees them.
    let is_turned = document.get_page_rotation(index).is_ok_and(|degrees| degrees != 0);
    for word in document.extract_words(index)? {
        let turn = if is_turned {
            Turn::Right
        } else {
            Turn::of(word.rotation_degrees)
        };
        let Some(word) = turn.word(&word.text, word.bbox) else {
            continue;
        };
        match turns.iter_mut().find(|(other, _)| *other == turn) {
            Some((_, words)) => words.push(word),
            None => turns.push((turn, vec![word])),
        }
    }
    turns.sort_by_key(|(_, words)| std::cmp::Reverse(words.len()));
    // Vertical scripts are left to the parser.
    if turns.first().is_some_and(|(_, words)| is_vertical(words)) {
        return Ok(clean::normalize(&document.extract_text(index)?));
    }
    let mut text = String::new();
    for (_, words) in turns {
        let em = em(&words);
        for block in columns::blocks(words, em) {
            lines::write(&mut text, block, em);
        }
    }
    Ok(clean::normalize(&text))
}

/// The direction of text on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Right,
    Up,
    Left,
    Down,
}

impl Turn {
    fn of(degrees: f32) -> Self {
        match degrees {
            d if (d - 90.0).abs() < 1.0 => Self::Up,
            d if (d + 90.0).abs() < 1.0 => Self::Down,
            d if (d.abs() - 180.0).abs() < 1.0 => Self::Left,
            _ => Self::Right,
        }
    }

    /// Returns the word at its position on the page rotated for reading.
    fn word(self, text: &str, bounds: Rect) -> Option<Word> {
        let (x0, x1) = (bounds.x, bounds.x + bounds.width);
        let (y0, y1) = (bounds.y, bounds.y + bounds.height);
        let (left, right, y) = match self {
            Self::Right => (x0, x1, y0),
            Self::Up => (y0, y1, -x1),
            Self::Left => (-x1, -x0, -y1),
            Self::Down => (-y1, -y0, x0),
        };
        let text = text.trim();
        let is_somewhere = left.is_finite() && right.is_finite() && y.is_finite();
        (is_somewhere && !text.is_empty()).then(|| Word {
            text: text.to_owned(),
            left,
            right,
            y,
        })
    }
}

/// Returns the usual font size. Font sizes in the file depend on the font's own units, widths do not.
fn em(words: &[Word]) -> f32 {
    let mut widths: Vec<f32> = words
        .iter()
        .map(|word| {
            (word.right - word.left)
                / word
                    .text
                    .chars()
                    .map(|c| if clean::is_ideograph(c) { 2.0 } else { 1.0 })
                    .sum::<f32>()
        })
        .filter(|width| *width > 0.0)
        .collect();
    widths.sort_unstable_by(f32::total_cmp);
    // A Latin letter is about half as wide as its font is high.
    widths.get(widths.len() / 2).map_or(10.0, |width| width * 2.0)
}

/// Returns whether the text is Chinese or Japanese in columns from right to left: single characters below each other.
fn is_vertical(words: &[Word]) -> bool {
    let is_single = |word: &Word| {
        let mut chars = word.text.chars();
        chars.next().is_some_and(clean::is_ideograph) && chars.next().is_none()
    };
    let below = |pair: &[Word]| {
        is_single(&pair[0])
            && is_single(&pair[1])
            && (pair[0].left - pair[1].left).abs() < 1.0
            && (pair[0].y - pair[1].y).abs() > f32::EPSILON
    };
    words.windows(2).filter(|pair| below(pair)).count() * 2 > words.len()
}
