//! The approximate amount of text, in which sizes of lines and chunks are measured.

/// Returns the width of a text in letters.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// An ideograph is as wide as two letters and carries about as much information.
pub(crate) fn char_width(c: char) -> usize {
    if c >= '\u{2e80}' { 2 } else { 1 }
}
