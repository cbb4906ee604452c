//! How much a text says, roughly: what sizes of lines and chunks are measured in.

/// The width of a text in letters.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// An ideograph takes the room of two letters and says about as much.
pub(crate) fn char_width(c: char) -> usize {
    if c >= '\u{2e80}' { 2 } else { 1 }
}
