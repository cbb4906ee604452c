//! The normal form of text, for every format.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

use crate::width::width;

/// Returns text in NFC with Latin ligatures resolved, white space as plain spaces, line breaks preserved, and control
/// characters and invisible formatting characters removed.
pub(super) fn normalize(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.nfc().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => out.push('\n'),
            // A soft hyphen is visible only at the end of a line: here it is, and `reflow` removes it.
            '\u{ad}' if matches!(chars.peek(), Some('\n' | '\r')) => out.push('-'),
            'ﬀ' => out.push_str("ff"),
            'ﬁ' => out.push_str("fi"),
            'ﬂ' => out.push_str("fl"),
            'ﬃ' => out.push_str("ffi"),
            'ﬄ' => out.push_str("ffl"),
            'ﬅ' | 'ﬆ' => out.push_str("st"),
            // Shapes of Arabic and Hebrew letters, and of their ligatures.
            '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => out.extend([c].into_iter().nfkc()),
            // Unmapped glyphs are extracted as U+FFFE, U+FFFF and private use characters.
            '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{e000}'..='\u{f8ff}'
            // Direction marks.
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Returns the text as one line: no line breaks, single spaces, trimmed.
pub(super) fn collapse(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Words with a hyphen that a text contains inside of its lines: they keep it at the end of a line.
#[derive(Debug, Default)]
pub(super) struct Compounds(HashSet<String>);

impl Compounds {
    /// Most compounds that are kept; no text has more.
    const MOST: usize = 50_000;

    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let words = texts.flat_map(str::split_whitespace);
        let words = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
        let compounds = words.filter(|word| word.contains('-') && word.len() < 64);
        Self(compounds.map(str::to_lowercase).take(Self::MOST).collect())
    }

    /// Returns whether the hyphen between the end of a line and the next line is part of the word.
    fn keeps_hyphen(&self, before: &str, next: &str) -> bool {
        let part = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let first = part(before.rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default());
        let second = part(next.split_whitespace().next().unwrap_or_default());
        // `e-mail`, `x-ray`: nobody divides a word after its first letter.
        let is_letter = first.chars().count() == 1;
        is_letter || matches!(first.as_str(), "self" | "well") || self.0.contains(&format!("{first}-{second}"))
    }
}

/// Joins the lines of paragraphs: readers of text want sentences, not the width of the page.
///
/// An empty line ends a paragraph; so do list items and lines that are clearly short. A hyphen at the end of a line is
/// removed if the word continues.
pub(super) fn reflow(text: &str, compounds: &Compounds) -> String {
    let widest = text.lines().map(|line| width(line.trim())).max().unwrap_or(0);
    let mut out = String::with_capacity(text.len());
    let mut open = false;
    let mut last_length = 0;
    for line in text.lines() {
        let line = collapse(line);
        if line.is_empty() {
            open = false;
            continue;
        }
        if open && continues(&out, &line, last_length, widest) {
            join(&mut out, &line, compounds);
        } else {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&line);
        }
        last_length = width(&line);
        open = true;
    }
    out
}

/// Returns whether a line continues the paragraph that ends with the previous line.
fn continues(before: &str, line: &str, length: usize, widest: usize) -> bool {
    if is_list_item(line) || line.contains(" | ") {
        return false;
    }
    let starts_small = line.chars().next().is_some_and(char::is_lowercase);
    let mut tail = before.chars().rev();
    let is_divided = matches!(tail.next(), Some('-' | '\u{2010}')) && tail.next().is_some_and(char::is_alphanumeric);
    if starts_small || is_divided {
        return true;
    }
    // A line much shorter than the column was ended on purpose: a heading, an address, the end of a paragraph.
    let is_short = length * 3 < widest * 2;
    let is_sentence_end = before.ends_with(['.', '!', '?', ':', '。', '！', '？']);
    let ends_early = is_sentence_end && length * 20 < widest * 17;
    !is_short && !ends_early
}

/// Appends the next line of a paragraph.
fn join(out: &mut String, line: &str, compounds: &Compounds) {
    let next = line.chars().next().unwrap_or(' ');
    let mut tail = out.chars().rev();
    match (tail.next(), tail.next()) {
        // `trans-` + `port`, but not `Mr. -` nor `1990-` + `2000` nor `Franco-` + `German`.
        (Some('-' | '\u{2010}'), Some(before)) if before.is_lowercase() && next.is_lowercase() => {
            if !compounds.keeps_hyphen(out, line) {
                out.pop();
            }
        }
        (Some('-' | '\u{2010}'), Some(before)) if before.is_alphanumeric() => {}
        (Some(last), _) if is_ideograph(last) && is_ideograph(next) => {}
        _ => out.push(' '),
    }
    out.push_str(line);
}

pub(super) fn is_list_item(line: &str) -> bool {
    let mut chars = line.chars();
    match chars.next() {
        Some('•' | '◦' | '▪' | '●' | '‣' | '–' | '-' | '*') => chars.next() == Some(' '),
        Some(c) if c.is_ascii_digit() => {
            let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
            line.len() - rest.len() <= 3 && (rest.starts_with(". ") || rest.starts_with(") "))
        }
        _ => false,
    }
}

/// Returns whether a character is Chinese or Japanese or such punctuation: lines join without a space.
pub(super) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{30ff}' | '\u{31f0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff65}' | '\u{20000}'..='\u{3134f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_controls_and_odd_spaces_are_normalized() {
        assert_eq!(
            normalize("e\u{301}ﬃcient\u{a0}co\u{ad}ffee\0\u{7}\u{202e}\u{e001}\t!\r\n"),
            "éfficient coffee !\n"
        );
    }

    #[test]
    fn lines_of_a_paragraph_are_joined_and_hyphens_at_their_ends_removed() {
        let text = "The roastery trans-\nports beans to all coun-\ntries between 1990-\n2000 and Franco-\nGerman towns.\n\nNext.";
        assert_eq!(
            reflow(text, &Compounds::default()),
            "The roastery transports beans to all countries between 1990-2000 and Franco-German towns.\nNext."
        );
    }

    #[test]
    fn a_soft_hyphen_at_a_line_end_joins_the_word() {
        assert_eq!(
            reflow(
                &normalize("the roastery trans\u{ad}\nports co\u{ad}ffee"),
                &Compounds::default()
            ),
            "the roastery transports coffee"
        );
    }

    #[test]
    fn hyphens_of_compounds_stay_at_the_end_of_a_line() {
        let text = "A well-\nknown e-\nmail and long-\nterm storage.";
        let compounds = Compounds::of(std::iter::once("For Long-term storage"));
        assert_eq!(reflow(text, &compounds), "A well-known e-mail and long-term storage.");
    }

    #[test]
    fn presentation_forms_become_letters() {
        assert_eq!(normalize("\u{fe8d}\u{fefb}"), "\u{627}\u{644}\u{627}");
    }

    #[test]
    fn headings_and_list_items_keep_their_lines() {
        let text = "Refund policy\nWe refund all beans that were not opened within\nfourteen days of delivery.\n- no fees\n- no questions\n1. Write to us";
        assert_eq!(
            reflow(text, &Compounds::default()),
            "Refund policy\nWe refund all beans that were not opened within fourteen days of delivery.\n- no fees\n- no questions\n1. Write to us"
        );
    }

    #[test]
    fn chinese_lines_join_without_a_space() {
        assert_eq!(
            reflow("我们每天从仓库发货所有\n商品都有保修。", &Compounds::default()),
            "我们每天从仓库发货所有商品都有保修。"
        );
    }
}
