//! The marker by which a model cites a source: `[cite:3]`.
//!
//! Models write it reliably, and people write nothing like it: an index (`a[0]`), a year (`[2019] UKSC 41`), a footnote
//! (`[^2]`) and a link (`[7](https://...)`) are text. Known deviations of models are accepted: other brackets and
//! case, spaces, lists (`[cite:1, 2]`), ranges (`[cite:1-3]`), escaped brackets (`\[cite:1\]`).

use std::collections::BTreeSet;

/// The word that makes a bracket a marker.
const WORD: &str = "cite";
/// The longest marker, in bytes: a list of some 40 numbers.
const MAX_LENGTH: usize = 160;

/// Returns the marker that cites source `number`.
pub(crate) fn marker(number: u32) -> String {
    format!("[{WORD}:{number}]")
}

/// Whether a text begins with a marker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MarkerMatch {
    /// It does not.
    Text,
    /// All of it may be the beginning of one.
    Partial,
    /// Its first `length` bytes are a marker that cites the numbers in these closed ranges.
    Marker { ranges: Vec<(u32, u32)>, length: usize },
}

/// Reads a marker at the beginning of `text`.
///
/// A marker that is not closed on its line, within its bracket or within [`MAX_LENGTH`] ends after its numbers.
pub(super) fn read(text: &str) -> MarkerMatch {
    match read_prefix(text) {
        MarkerMatch::Partial if text.len() > MAX_LENGTH => MarkerMatch::Text,
        reading => reading,
    }
}

fn read_prefix(text: &str) -> MarkerMatch {
    let mut rest = Scanner(text);
    rest.skip(|c| c == '\\', 1);
    if !rest.take(opens) {
        return rest.mismatch();
    }
    rest.skip(is_blank, usize::MAX);
    for letter in WORD.chars() {
        if !rest.take(|c| c.eq_ignore_ascii_case(&letter)) {
            return rest.mismatch();
        }
    }
    rest.skip(is_blank, usize::MAX);
    rest.skip(|c| c == '\\', 1);
    if !rest.take(|c| matches!(c, ':' | '：')) {
        return rest.mismatch();
    }
    rest.skip(is_blank, usize::MAX);
    rest.skip(|c| c == '#', 1);
    let body = rest.0;
    match body.chars().next() {
        None => return MarkerMatch::Partial,
        Some(c) if !c.is_numeric() && !closes(c) => return MarkerMatch::Text,
        Some(_) => {}
    }
    let start = text.len() - body.len();
    let end = body.find(|c: char| closes(c) || opens(c) || c == '\n');
    match end {
        Some(end) if start + end <= MAX_LENGTH && body[end..].starts_with(closes) => {
            let close = body[end..].chars().next().map_or(0, char::len_utf8);
            let inner = body[..end].strip_suffix('\\').unwrap_or(&body[..end]);
            MarkerMatch::Marker {
                ranges: ranges(inner),
                length: start + end + close,
            }
        }
        None if text.len() <= MAX_LENGTH => MarkerMatch::Partial,
        _ => unclosed(text, start),
    }
}

/// Like [`read`], for a text that ends here: a partial marker is one that was cut off, or text if it does not reach its
/// colon.
pub(super) fn read_last(text: &str) -> MarkerMatch {
    let reading = read(text);
    if reading != MarkerMatch::Partial {
        return reading;
    }
    let Some(colon) = text.find([':', '：']) else {
        return MarkerMatch::Text;
    };
    let start = colon + text[colon..].chars().next().map_or(0, char::len_utf8);
    match unclosed(text, start) {
        // The last number may have been cut off.
        MarkerMatch::Marker { length, .. } if length == text.len() => MarkerMatch::Marker {
            ranges: Vec::new(),
            length,
        },
        other => other,
    }
}

/// Returns a marker without its end: the numbers after `start`, without the text that follows.
fn unclosed(text: &str, start: usize) -> MarkerMatch {
    let body = &text[start..];
    let end = body.find(|c: char| !is_list(c)).unwrap_or(body.len());
    let length = start
        + if end == body.len() {
            end
        } else {
            body[..end].trim_end().len()
        };
    MarkerMatch::Marker {
        ranges: ranges(&body[..end]),
        length,
    }
}

/// Returns the numbers of a marker: all of a plain list, only the first one if there are words among them (`1, p. 4`).
fn ranges(inner: &str) -> Vec<(u32, u32)> {
    let list = inner.find(|c: char| !is_list(c)).map_or(inner, |at| &inner[..at]);
    let is_plain = list.len() == inner.len();
    let mut found: Vec<(u32, u32)> = Vec::new();
    let mut is_range = false;
    let mut rest = list;
    while let Some(c) = rest.chars().next() {
        if c.is_numeric() {
            let end = rest.find(|c: char| !c.is_numeric()).unwrap_or(rest.len());
            let number = number(&rest[..end]);
            match found.last_mut() {
                Some((low, high)) if is_range && low == high => {
                    (*low, *high) = ((*low).min(number), (*high).max(number));
                }
                _ => found.push((number, number)),
            }
            is_range = false;
            rest = &rest[end..];
        } else {
            is_range = is_dash(c) || (is_range && is_blank(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    found.truncate(if is_plain { found.len() } else { 1 });
    found
}

/// Returns the numbers of `ranges` that are known, each once.
pub(super) fn backed(ranges: &[(u32, u32)], known: &BTreeSet<u32>) -> Vec<u32> {
    let mut numbers = Vec::new();
    for (low, high) in ranges {
        for number in known.range(low..=high) {
            if !numbers.contains(number) {
                numbers.push(*number);
            }
        }
    }
    numbers
}

/// Returns the text of a document without markers, so that quoting it is not a citation.
pub(crate) fn defuse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(opens) {
        let width = rest[at..].chars().next().map_or(0, char::len_utf8);
        let is_text = read_last(&rest[at..]) == MarkerMatch::Text;
        out.push_str(&rest[..at]);
        out.push_str(if is_text { &rest[at..at + width] } else { "(" });
        rest = &rest[at + width..];
    }
    out.push_str(rest);
    out
}

/// Reads a text character by character.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn take(&mut self, is: impl Fn(char) -> bool) -> bool {
        let next = self.0.chars().next().filter(|c| is(*c));
        self.0 = &self.0[next.map_or(0, char::len_utf8)..];
        next.is_some()
    }

    fn skip(&mut self, is: impl Fn(char) -> bool, at_most: usize) {
        let mut skipped = 0;
        while skipped < at_most && self.take(&is) {
            skipped += 1;
        }
    }

    fn mismatch(&self) -> MarkerMatch {
        if self.0.is_empty() {
            MarkerMatch::Partial
        } else {
            MarkerMatch::Text
        }
    }
}

/// Returns a number of a marker. Digits that do not fit into a `u32` or are not read give 0, which no source has.
fn number(digits: &str) -> u32 {
    let ascii: Option<String> = digits
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
            _ => c.is_ascii_digit().then_some(c),
        })
        .collect();
    ascii.and_then(|ascii| ascii.parse().ok()).unwrap_or(0)
}

pub(super) fn opens(c: char) -> bool {
    matches!(c, '[' | '［' | '【' | '〔')
}

fn closes(c: char) -> bool {
    matches!(c, ']' | '］' | '】' | '〕')
}

/// Returns whether a character may be part of a list of numbers.
fn is_list(c: char) -> bool {
    c.is_numeric() || is_blank(c) || is_dash(c) || matches!(c, ',' | ';' | '&' | '+' | '#' | '，' | '、' | '；')
}

fn is_blank(c: char) -> bool {
    (c.is_whitespace() && c != '\n') || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '‐' | '‑' | '‒' | '–' | '—' | '−' | '－' | '~' | '～')
}
