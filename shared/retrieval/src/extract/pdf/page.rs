//! The text of one page in reading order.

use super::super::clean;
use super::glyphs::Glyph;
use super::{accents, columns, frames, line_numbers, lines, words};

/// Returns the text of a page: one line per line of the page, an empty line between paragraphs, columns one after the
/// other, numbers of lines and text in other directions at the end.
pub(super) fn text(glyphs: Vec<Glyph>) -> String {
    let mut text = String::new();
    for mut glyphs in frames::divide(glyphs) {
        accents::compose(&mut glyphs);
        let words = words::find(&glyphs);
        let em = words::usual_size(&words);
        let (words, numbers) = line_numbers::divide(words, em);
        for block in columns::blocks(words, em) {
            lines::write(&mut text, block, em);
        }
        if !numbers.is_empty() {
            let numbers: Vec<&str> = numbers.iter().map(|number| number.text.as_str()).collect();
            text.push_str("\n\n");
            text.push_str(&numbers.join(" "));
            text.push_str("\n\n");
        }
    }
    clean::normalize(&text)
}
