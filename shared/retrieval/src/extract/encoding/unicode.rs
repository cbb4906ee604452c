//! UTF-8 with damaged characters, and UTF-16 and UTF-32 with or without a byte order mark.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::SAMPLE;
use super::languages::frequent;

/// An encoding whose ASCII characters are more than one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    Utf16Le,
    Utf16Be,
    Utf32Le,
    Utf32Be,
}

/// A smaller part of the characters than this is no text.
const MIN_PLAUSIBLE_PERCENT: usize = 95;
/// A smaller part of common characters than this is text in another encoding.
const MIN_FAMILIAR_PERCENT: usize = 55;

impl Wide {
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf16Le => UTF_16LE.decode_with_bom_removal(bytes).0.into_owned(),
            Self::Utf16Be => UTF_16BE.decode_with_bom_removal(bytes).0.into_owned(),
            Self::Utf32Le | Self::Utf32Be => utf32(self, bytes)
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .skip_while(|c| *c == '\u{feff}')
                .collect(),
        }
    }
}

/// Detects a byte order mark of UTF-16 or UTF-32, or text in one of them without a mark.
pub(super) fn wide_encoding(bytes: &[u8]) -> Option<Wide> {
    // The marks of UTF-32 begin with those of UTF-16.
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    for wide in [Wide::Utf32Le, Wide::Utf32Be] {
        let is_text = |c: Option<char>| c.is_some_and(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}'));
        if sample.len() >= 8 && utf32(wide, sample).all(is_text) {
            return Some(wide);
        }
    }
    if bytes.starts_with(b"\xff\xfe") {
        return Some(Wide::Utf16Le);
    }
    if bytes.starts_with(b"\xfe\xff") {
        return Some(Wide::Utf16Be);
    }
    // Without a zero byte this is text in another encoding, unless there is nothing of ASCII in it, not even a line end.
    if !sample.contains(&0) && !super::has_controls(sample) && std::str::from_utf8(sample).is_ok() {
        return None;
    }
    let readings = [Wide::Utf16Le, Wide::Utf16Be].map(|wide| (wide, familiarity(wide, sample)));
    let (wide, familiar) = readings.into_iter().max_by_key(|(_, familiar)| *familiar)?;
    (familiar >= MIN_FAMILIAR_PERCENT).then_some(wide)
}

fn utf32(wide: Wide, bytes: &[u8]) -> impl Iterator<Item = Option<char>> + '_ {
    bytes.chunks_exact(4).map(move |unit| {
        let unit = <[u8; 4]>::try_from(unit).ok()?;
        char::from_u32(if wide == Wide::Utf32Le {
            u32::from_le_bytes(unit)
        } else {
            u32::from_be_bytes(unit)
        })
    })
}

/// Returns how many percent of the characters are common ones; 0 if too many are none at all.
fn familiarity(wide: Wide, sample: &[u8]) -> usize {
    let units = sample.chunks_exact(2).map(|unit| match (wide, unit) {
        (Wide::Utf16Le, [low, high]) | (_, [high, low]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let (mut all, mut plausible, mut familiar) = (0, 0, 0);
    for c in char::decode_utf16(units) {
        all += 1;
        let Ok(c) = c else { continue };
        if is_familiar(c) {
            plausible += 1;
            familiar += 1;
        } else if is_plausible(c) {
            plausible += 1;
        }
    }
    if plausible * 100 < all * MIN_PLAUSIBLE_PERCENT {
        return 0;
    }
    familiar * 100 / all.max(1)
}

fn is_familiar(c: char) -> bool {
    match c {
        ' '..='~'
        | '\t'
        | '\n'
        | '\r'
        | '\u{a0}'..='\u{17f}'
        | '\u{370}'..='\u{3ff}'
        | '\u{400}'..='\u{45f}'
        | '\u{5d0}'..='\u{5ea}'
        | '\u{620}'..='\u{64a}'
        | '\u{900}'..='\u{97f}'
        | '\u{e00}'..='\u{e4e}'
        | '\u{1ea0}'..='\u{1ef9}'
        | '\u{3001}'..='\u{3002}'
        | '\u{3041}'..='\u{30fe}'
        | '，'
        | '：'
        | '（'
        | '）' => true,
        '\u{4e00}'..='\u{9fff}' => [frequent::SIMPLIFIED, frequent::TRADITIONAL, frequent::KANJI]
            .iter()
            .any(|list| list.contains(c)),
        '가'..='힣' => frequent::HANGUL.contains(c),
        _ => false,
    }
}

fn is_plausible(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}')
}

/// Returns UTF-8 in which only a few bytes are wrong; `None` if it is another encoding.
///
/// A wrong byte among Latin letters was pasted from Windows-1252; others are replaced by U+FFFD.
pub(super) fn utf8(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let (mut right, mut wrong) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        right += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    if right == 0 || wrong > right.div_ceil(2) {
        return None;
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(replacement(chunk.invalid(), text.chars().next_back()));
        }
    }
    Some(text)
}

fn replacement(wrong: &[u8], before: Option<char>) -> char {
    let is_latin = before.is_none_or(|c| c < '\u{250}' || ('\u{2010}'..='\u{203a}').contains(&c));
    let (reading, ..) = WINDOWS_1252.decode_without_bom_handling(wrong);
    let mut reading = reading.chars();
    match (reading.next(), reading.next()) {
        (Some(c), None) if is_latin && !c.is_control() => c,
        _ => char::REPLACEMENT_CHARACTER,
    }
}
