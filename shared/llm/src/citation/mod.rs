//! Turns citation markers into citations, and leaves all other text as it is.

mod history;
mod marker;
mod statements;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, ops::Range};

pub use history::{with_markers, without_citations};
use marker::{MarkerMatch, backed, opens, read, read_last};
pub(crate) use marker::{defuse, marker};
pub use statements::statements;

/// A citation in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The source number.
    pub number: u32,
    /// The position of `[number]`, in bytes.
    pub at: Range<usize>,
}

/// A filter for a streamed answer: markers such as `[cite:2]` become `[2]` if a source has that number, and are removed
/// otherwise, together with a space before them. All other text passes unchanged.
///
/// The result does not depend on how the text was cut into chunks. At most some 160 bytes are held back.
#[derive(Debug)]
pub struct CitationFilter {
    known: BTreeSet<u32>,
    marks: Vec<Mark>,
    /// Text that is not decided yet: empty, or a possible marker with a space before it.
    held: String,
    /// How much text has been returned, bytes.
    left: usize,
    /// The end of the returned text, as far as it would become a marker if certain text followed.
    tail: String,
}

impl CitationFilter {
    /// Creates a filter for an answer whose sources have these numbers, and of which `begun` bytes were written before.
    pub fn new(known: impl IntoIterator<Item = u32>, begun: usize) -> Self {
        Self {
            known: known.into_iter().collect(),
            marks: Vec::new(),
            held: String::new(),
            left: begun,
            tail: String::new(),
        }
    }

    /// Takes the next chunk and returns the text that is decided.
    pub fn push(&mut self, chunk: &str) -> String {
        let mut out = String::with_capacity(chunk.len() + self.held.len());
        for c in chunk.chars() {
            if self.held.is_empty() && !may_begin(c) {
                self.release(c.encode_utf8(&mut [0; 4]), &mut out);
            } else {
                self.held.push(c);
                self.decide(read, &mut out);
            }
        }
        out
    }

    /// Returns the rest, once the answer has ended. An unfinished marker is removed.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        self.decide(read_last, &mut out);
        out
    }

    /// Returns the citations so far, in the order of the text.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Returns the sources cited so far, in the order of their first use.
    pub fn cited(&self) -> Vec<u32> {
        let mut cited = Vec::new();
        for mark in &self.marks {
            if !cited.contains(&mark.number) {
                cited.push(mark.number);
            }
        }
        cited
    }

    /// Releases as much of the held text as can be decided.
    fn decide(&mut self, read: impl Fn(&str) -> MarkerMatch, out: &mut String) {
        while !self.held.is_empty() {
            let space = usize::from(self.held.starts_with(' '));
            match read(&self.held[space..]) {
                MarkerMatch::Partial => return,
                MarkerMatch::Text => {
                    let first = self.held.remove(0);
                    self.release(first.encode_utf8(&mut [0; 4]), out);
                    while self.held.chars().next().is_some_and(|c| !may_begin(c)) {
                        let passed = self.held.remove(0);
                        self.release(passed.encode_utf8(&mut [0; 4]), out);
                    }
                }
                MarkerMatch::Marker { ranges, length } => {
                    let numbers = backed(&ranges, &self.known);
                    let rest = self.held.split_off(space + length);
                    let marked = std::mem::replace(&mut self.held, rest);
                    if !numbers.is_empty() {
                        self.release(&marked[..space], out);
                    } else if !self.tail.is_empty() {
                        // The text around a removed marker must not become one.
                        self.release("()", out);
                        self.tail.clear();
                    }
                    for number in numbers {
                        let text = format!("[{number}]");
                        let at = self.left..self.left + text.len();
                        self.marks.push(Mark { number, at });
                        self.release(&text, out);
                    }
                }
            }
        }
    }

    fn release(&mut self, text: &str, out: &mut String) {
        self.left += text.len();
        out.push_str(text);
        if text.starts_with(opens) {
            self.tail.clear();
        } else if self.tail.is_empty() {
            return;
        }
        self.tail.push_str(text);
        if read(&self.tail) != MarkerMatch::Partial {
            self.tail.clear();
        }
    }
}

/// Returns whether a marker, or the space removed with it, may begin with this character.
fn may_begin(c: char) -> bool {
    c == ' ' || c == '\\' || opens(c)
}
