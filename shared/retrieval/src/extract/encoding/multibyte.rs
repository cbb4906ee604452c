//! How probable a text is in an encoding with several bytes for a character: by the levels of the standards, which put
//! common characters first, and by the most common characters.

use std::collections::HashSet;

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, SHIFT_JIS};

use super::languages::frequent;
use super::{IMPOSSIBLE, Score};

const FREQUENT: f64 = 4.8;
const COMMON: f64 = 8.5;
const RARE: f64 = 12.0;
const PUNCTUATION: f64 = 4.5;
const SYMBOL: f64 = 9.0;
const KANA: f64 = 4.0;

/// Scores the bytes as text in one encoding.
pub(super) fn score(encoding: &'static Encoding, bytes: &[u8]) -> Score {
    let bytes = whole_characters(encoding, bytes);
    let (text, ..) = encoding.decode_without_bom_handling(bytes);
    let frequent: HashSet<char> = frequent_in(encoding).chars().collect();
    let mut score = Score::default();
    let mut at = 0;
    for c in text.chars() {
        score.all += 1;
        let lead = bytes.get(at).copied().unwrap_or(0);
        let length = char_length(encoding, bytes.get(at..).unwrap_or_default());
        at += length;
        if c.is_ascii() {
            score.cost += control_cost(c);
            continue;
        }
        score.marked += 1;
        score.cost += if frequent.contains(&c) {
            FREQUENT
        } else {
            cost(encoding, c, lead, length)
        };
    }
    score
}

/// An unfinished character at the end of a sample is no error.
fn whole_characters<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> &'a [u8] {
    let mut at = 0;
    while at < bytes.len() {
        let end = at + char_length(encoding, &bytes[at..]);
        if end > bytes.len() {
            return &bytes[..at];
        }
        at = end;
    }
    bytes
}

fn char_length(encoding: &'static Encoding, bytes: &[u8]) -> usize {
    match (bytes.first().copied().unwrap_or(0), bytes.get(1).copied()) {
        (..=0x80, _) => 1,
        // Katakana of half width.
        (0xa0..=0xdf, _) if encoding == SHIFT_JIS => 1,
        (0x8f, _) if encoding == EUC_JP => 3,
        (_, Some(0x30..=0x39)) if encoding == GB18030 => 4,
        _ => 2,
    }
}

fn frequent_in(encoding: &'static Encoding) -> &'static str {
    if encoding == GB18030 {
        frequent::SIMPLIFIED
    } else if encoding == BIG5 {
        frequent::TRADITIONAL
    } else if encoding == EUC_KR {
        frequent::HANGUL
    } else {
        frequent::KANJI
    }
}

fn cost(encoding: &'static Encoding, c: char, lead: u8, length: usize) -> f64 {
    let is_japanese = encoding == SHIFT_JIS || encoding == EUC_JP;
    match c {
        char::REPLACEMENT_CHARACTER | '\u{80}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' => IMPOSSIBLE,
        '、' | '。' | '，' | '．' | '：' | '；' | '？' | '！' | '「' | '」' | '（' | '）' | '《' | '》' | '“' | '”'
        | '\u{3000}' | '・' | 'ー' => PUNCTUATION,
        'ぁ'..='ん' if is_japanese => KANA,
        'ァ'..='ヶ' if is_japanese => KANA + 1.0,
        '\u{ff61}'..='\u{ff9f}' => 7.0,
        '\u{ff10}'..='\u{ff5e}' | '…' | '『' | '』' | '【' | '】' | '—' | '·' => 6.0,
        '가'..='힣' if encoding == EUC_KR => level(lead, 0xb0..=0xc8),
        '\u{4e00}'..='\u{9fff}' if length == 2 => {
            if encoding == GB18030 {
                level(lead, 0xb0..=0xd7)
            } else if encoding == BIG5 {
                level(lead, 0xa4..=0xc6)
            } else if encoding == SHIFT_JIS {
                level(lead, 0x88..=0x97)
            } else if encoding == EUC_JP {
                level(lead, 0xb0..=0xcf)
            } else {
                RARE
            }
        }
        '\u{4e00}'..='\u{9fff}' => RARE,
        _ if length > 2 => RARE + 4.0,
        _ => SYMBOL,
    }
}

fn level(lead: u8, common: std::ops::RangeInclusive<u8>) -> f64 {
    if common.contains(&lead) { COMMON } else { RARE }
}

pub(super) fn control_cost(c: char) -> f64 {
    if c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1a}') {
        8.0
    } else {
        0.0
    }
}
