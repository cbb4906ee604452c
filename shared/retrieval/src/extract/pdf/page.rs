//! The text of one page in reading order.

use super::super::clean;
use super::glyphs::Glyph;
use super::{accents, columns, frames, lines, words};

/// Returns the text of a page: one line per line of the page, an empty line between paragraphs, columns one after the
/// other, text in other directions at the end.
pub(super) fn text(glyphs: Vec<Glyph>) -> String {
    let mut text = String::new();
    for mut glyphs in frames::divide(glyphs) {
        accents::compose(&mut glyphs);
        let words = words::find(&glyphs);
        let em = words::usual_size(&words);
        for block in columns::blocks(words, em) {
            lines::write(&mut text, block, em);
        }
    }
    clean::normalize(&text)
}
