//! Keeps numbers that no source backs out of a streamed answer.

mod code;
mod number;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use code::CodeSpans;
use number::{Verdict, closes, judge, may_be_citation, opens};

/// The longest bracket that is held back, in bytes; enough for a list of 30 numbers.
const MAX_BRACKET: usize = 128;

/// A filter over a streamed answer: a number in brackets passes only when a source has that number.
///
/// Citations are `[1]`, `[1, 2]`, `[1-3]` and `[source 1]`; in full-width brackets (`【1】`, `【1†source】`) they leave
/// as `[1]`. Of a list only the backed numbers stay. Other brackets pass unharmed. In Markdown code an index
/// (`a[0]`) passes too, and a list of numbers is spaced (`[ 7, 8 ]`): still the same code, but no citation.
///
/// The result does not depend on how the text was cut into chunks. At most some 400 bytes are held back.
#[derive(Debug)]
pub struct CitationFilter {
    known: BTreeSet<u32>,
    cited: Vec<u32>,
    code: CodeSpans,
    /// Text that is not decided yet: nothing, or a space and what may become a citation.
    held: String,
    /// Where the brackets that are still open begin in `held`.
    open: Vec<usize>,
    /// The last character that left: `a[0]` is an index because of its `a`.
    last: Option<char>,
}

impl CitationFilter {
    /// A filter for an answer whose sources have these numbers.
    pub fn new(known: impl IntoIterator<Item = u32>) -> Self {
        Self {
            known: known.into_iter().collect(),
            cited: Vec::new(),
            code: CodeSpans::default(),
            held: String::new(),
            open: Vec::new(),
            last: None,
        }
    }

    /// Takes the next chunk and gives what is decided.
    pub fn push(&mut self, chunk: &str) -> String {
        let mut out = String::with_capacity(chunk.len() + self.held.len());
        let mut decided = Vec::new();
        for c in chunk.chars() {
            self.code.push(c, &mut decided);
            for (c, is_code) in decided.drain(..) {
                self.step(c, is_code, &mut out);
            }
        }
        out
    }

    /// Gives the rest, once the answer has ended.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        let mut decided = Vec::new();
        self.code.finish(&mut decided);
        for (c, is_code) in decided {
            self.step(c, is_code, &mut out);
        }
        self.release(&mut out);
        out
    }

    /// The sources cited so far, in the order of their first use.
    pub fn cited(&self) -> &[u32] {
        &self.cited
    }

    fn step(&mut self, c: char, is_code: bool, out: &mut String) {
        if opens(c) {
            self.open.push(self.held.len());
            self.held.push(c);
        } else if self.open.is_empty() {
            self.release(out);
            self.held.push(c);
            // A space waits: it goes when the citation behind it goes.
            if c != ' ' {
                self.release(out);
            }
        } else if closes(c) {
            self.held.push(c);
            self.close(is_code);
            if self.open.is_empty() {
                self.release(out);
            }
        } else if may_be_citation(self.innermost(), c) {
            self.held.push(c);
        } else {
            self.held.push(c);
            self.release(out);
        }
        if self.held.len() > MAX_BRACKET {
            self.break_open(is_code);
            self.release(out);
        }
    }

    /// The bracket that was opened last, as far as it is known.
    fn innermost(&self) -> &str {
        &self.held[self.open.last().copied().unwrap_or(0)..]
    }

    fn release(&mut self, out: &mut String) {
        self.last = self.held.chars().next_back().or(self.last);
        out.push_str(&self.held);
        self.held.clear();
        self.open.clear();
    }

    /// Decides the innermost bracket, which is the end of `held`.
    fn close(&mut self, is_code: bool) {
        let Some(start) = self.open.pop() else { return };
        let verdict = judge(&self.held[start..], &self.known);
        if is_code {
            return self.close_in_code(start, &verdict);
        }
        match verdict {
            Verdict::NotOurs => {}
            Verdict::Backed(numbers) => self.cite(&numbers),
            Verdict::Rewritten(numbers) => {
                self.cite(&numbers);
                let list: Vec<String> = numbers.iter().map(u32::to_string).collect();
                self.held.truncate(start);
                self.held.push('[');
                self.held.push_str(&list.join(", "));
                self.held.push(']');
            }
            Verdict::Unbacked => {
                self.held.truncate(start);
                if self.held == " " {
                    self.held.clear();
                }
            }
        }
    }

    fn close_in_code(&mut self, start: usize, verdict: &Verdict) {
        let before = self.held[..start].chars().next_back().or(self.last);
        let is_index = before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '"' | '\''));
        match verdict {
            Verdict::Backed(numbers) if !is_index => self.cite(numbers),
            Verdict::Rewritten(_) | Verdict::Unbacked if !is_index => {
                let inside = start + self.held[start..].chars().next().map_or(0, char::len_utf8);
                self.held.insert(inside, ' ');
                let end = self.held.len() - self.held.chars().next_back().map_or(0, char::len_utf8);
                self.held.insert(end, ' ');
            }
            _ => {}
        }
    }

    /// Takes from a bracket that grew too long what makes it one: nothing in it is decided, so it may not close.
    fn break_open(&mut self, is_code: bool) {
        for start in self.open.drain(..).rev() {
            let width = self.held[start..].chars().next().map_or(0, char::len_utf8);
            if is_code {
                self.held.insert(start + width, ' ');
            } else {
                self.held.replace_range(start..start + width, "(");
            }
        }
    }

    fn cite(&mut self, numbers: &[u32]) {
        for number in numbers {
            if !self.cited.contains(number) {
                self.cited.push(*number);
            }
        }
    }
}
