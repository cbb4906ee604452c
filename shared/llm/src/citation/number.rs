//! What stands between two brackets: a citation or something else.

use std::collections::BTreeSet;

/// Words a citation may hold beside its numbers.
const WORDS: [&str; 8] = ["source", "sources", "and", "ref", "refs", "doc", "document", "citation"];

/// What becomes of a bracket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No citation.
    NotOurs,
    /// Every number has its source, and it is written as clients expect.
    Backed(Vec<u32>),
    /// These numbers have a source; the bracket must be written anew.
    Rewritten(Vec<u32>),
    /// No number has a source.
    Unbacked,
}

pub(super) fn opens(c: char) -> bool {
    matches!(c, '[' | '［' | '【' | '〔')
}

pub(super) fn closes(c: char) -> bool {
    matches!(c, ']' | '］' | '】' | '〕')
}

/// Whether a bracket that reads `held` so far may still be a citation when `next` follows.
pub(super) fn may_be_citation(held: &str, next: char) -> bool {
    if held.contains('†') {
        // `【1†any name】`
        return next != '\n';
    }
    if next.is_ascii_alphabetic() {
        let word_start = held
            .rfind(|c: char| !c.is_ascii_alphabetic())
            .map_or(0, |at| at + held[at..].chars().next().map_or(0, char::len_utf8));
        let word = format!("{}{next}", &held[word_start..]).to_ascii_lowercase();
        return WORDS.iter().any(|known| known.starts_with(&word));
    }
    next.is_numeric()
        || next.is_whitespace()
        || is_ignored(next)
        || is_dash(next)
        || is_comma(next)
        || ":†".contains(next)
}

/// Judges a whole bracket, delimiters included.
pub(super) fn judge(bracket: &str, known: &BTreeSet<u32>) -> Verdict {
    let inner = bracket.strip_prefix(opens).unwrap_or(bracket);
    let inner = inner.strip_suffix(closes).unwrap_or(inner);
    let Some(ranges) = parse(inner) else {
        return Verdict::NotOurs;
    };
    let mut numbers: Vec<u32> = Vec::new();
    let mut is_complete = true;
    for (low, high) in ranges {
        let backed: Vec<u32> = known.range(low..=high).copied().collect();
        is_complete &= u64::try_from(backed.len()).is_ok_and(|count| count == u64::from(high - low) + 1);
        numbers.extend(
            backed
                .into_iter()
                .filter(|number| !numbers.contains(number))
                .collect::<Vec<_>>(),
        );
    }
    if numbers.is_empty() {
        Verdict::Unbacked
    } else if is_complete && is_plain(bracket) {
        Verdict::Backed(numbers)
    } else {
        Verdict::Rewritten(numbers)
    }
}

/// Whether a bracket is already `[1]`, `[1, 2]` or `[1-3]`.
fn is_plain(bracket: &str) -> bool {
    bracket
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| {
            inner
                .split(',')
                .flat_map(|part| part.strip_prefix(' ').unwrap_or(part).split('-'))
                .all(|number| {
                    !number.is_empty() && !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit())
                })
        })
}

/// The numbers of a citation as closed ranges; `None` when it is none.
///
/// A number that fits no `u32`, or of digits we do not read, is the empty promise it looks like: `0`, which no source has.
fn parse(inner: &str) -> Option<Vec<(u32, u32)>> {
    let head = match inner.split_once('†') {
        Some((head, _)) => head.split(':').next().unwrap_or(head),
        None => inner,
    };
    let mut plain = String::with_capacity(head.len());
    for c in head.chars().filter(|c| !is_ignored(*c)) {
        plain.push(match c {
            _ if is_dash(c) => '-',
            _ if is_comma(c) || c.is_whitespace() => ' ',
            _ => c.to_ascii_lowercase(),
        });
    }
    if plain.trim_start().starts_with('-') {
        // A negative number, which no citation is.
        return None;
    }
    let mut ranges = Vec::new();
    for word in plain.replace(" -", "-").replace("- ", "-").split_whitespace() {
        let numbers: Option<Vec<u32>> = without_label(word)
            .split('-')
            .filter(|end| !end.is_empty())
            .map(number)
            .collect();
        match numbers?.as_slice() {
            [] => {}
            [only] => ranges.push((*only, *only)),
            [a, b] => ranges.push((*a.min(b), *a.max(b))),
            // A date, a telephone number.
            _ => return None,
        }
    }
    (!ranges.is_empty()).then_some(ranges)
}

/// A word without the label before its number: `source:1`.
fn without_label(word: &str) -> &str {
    let rests = WORDS.iter().filter_map(|label| word.strip_prefix(label));
    rests
        .min_by_key(|rest| rest.len())
        .map_or(word, |rest| rest.trim_start_matches(':'))
}

fn number(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.chars().all(char::is_numeric) {
        return None;
    }
    let ascii: Option<String> = digits
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
            _ => c.is_ascii_digit().then_some(c),
        })
        .collect();
    Some(ascii.and_then(|ascii| ascii.parse().ok()).unwrap_or(0))
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '‐' | '‑' | '‒' | '–' | '—' | '−' | '－' | '~' | '～')
}

fn is_comma(c: char) -> bool {
    matches!(c, ',' | ';' | '&' | '+' | '，' | '、' | '；')
}

/// Marks that do not make a number another: emphasis, a footnote's caret, escapes, invisible characters.
fn is_ignored(c: char) -> bool {
    matches!(
        c,
        '*' | '_' | '^' | '#' | '\\' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}
