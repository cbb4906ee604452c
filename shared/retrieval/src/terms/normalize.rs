//! One spelling of a text: before it is divided into words, and of each word after its ending is removed.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::Language;

/// Returns the text in NFKC and lower case, with ASCII digits and without invisible characters. Accents stay, because
/// endings are recognized by them.
pub(super) fn normalize(language: Language, text: &str) -> Cow<'_, str> {
    if text.is_ascii() && language != Language::Turkish {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    let mut out = String::with_capacity(text.len());
    for c in text.nfkc() {
        match c {
            'I' if language == Language::Turkish => out.push('ı'),
            'İ' => out.push('i'),
            '’' | 'ʼ' | '＇' | '‘' => out.push('\''),
            // Soft hyphens and joiners inside words from typesetting; vowel signs and the stretched line of Arabic.
            '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{640}'
            | '\u{64b}'..='\u{655}'
            | '\u{670}'
            | '\u{6d6}'..='\u{6ed}' => {}
            '\u{660}'..='\u{669}' => out.push(ascii_digit(c, '\u{660}')),
            '\u{6f0}'..='\u{6f9}' => out.push(ascii_digit(c, '\u{6f0}')),
            '\u{966}'..='\u{96f}' => out.push(ascii_digit(c, '\u{966}')),
            // Persian keyboards have other letters.
            'ک' => out.push('ك'),
            'ی' => out.push('ي'),
            other if other.is_ascii() => out.push(other.to_ascii_lowercase()),
            other => out.extend(other.to_lowercase()),
        }
    }
    Cow::Owned(out)
}

/// The Unicode digits of one script are consecutive.
fn ascii_digit(c: char, zero: char) -> char {
    char::from_digit(u32::from(c).wrapping_sub(u32::from(zero)), 10).unwrap_or(c)
}

/// Returns a word of a normalized text without accents: people leave them out.
pub(super) fn fold(word: Cow<'_, str>) -> String {
    if word.is_ascii() {
        return word.into_owned();
    }
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c) && is_combining_mark(*c);
    let mut out = String::with_capacity(word.len());
    for c in word.nfd().filter(|c| !is_accent(c)).nfc() {
        match c {
            'ß' => out.push_str("ss"),
            'ς' => out.push('σ'),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'ı' => out.push('i'),
            'đ' => out.push('d'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'أ' | 'إ' | 'آ' | 'ٱ' => out.push('ا'),
            'ى' => out.push('ي'),
            'ة' => out.push('ه'),
            other => out.push(other),
        }
    }
    out
}

/// Returns a number in one spelling: without separators of thousands, with a period before decimals. A single separator
/// before three digits is one of thousands: `1,000`, `1.000` and `1000` are the same, `3.5` and `3,5` too.
pub(super) fn number(written: &str) -> String {
    let is_separator = |c: char| matches!(c, '.' | ',' | '\'' | '٫' | '٬');
    let written = written.trim_matches(is_separator);
    let groups: Vec<&str> = written.split(is_separator).collect();
    let are_thousands = groups.len() > 1
        && groups
            .first()
            .is_some_and(|first| (1..=3).contains(&first.len()) && *first != "0")
        && groups[1..].iter().all(|group| group.len() == 3);
    match groups.as_slice() {
        [whole, decimals] if !are_thousands => format!("{whole}.{decimals}"),
        // `1,234,567.89`
        [thousands @ .., decimals]
            if groups.len() > 2 && !are_thousands && thousands[1..].iter().all(|group| group.len() == 3) =>
        {
            format!("{}.{decimals}", thousands.concat())
        }
        _ if groups.len() > 2 && !are_thousands => groups.join("."),
        _ => groups.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for (written, expected) in [
            ("1,000", "1000"),
            ("1.000", "1000"),
            ("1'000'000", "1000000"),
            ("3.50", "3.50"),
            ("3,5", "3.5"),
            ("0.125", "0.125"),
            ("1,234,567.89", "1234567.89"),
            ("25.12.2024", "25.12.2024"),
            ("42.", "42"),
        ] {
            assert_eq!(number(written), expected, "{written}");
        }
    }

    #[test]
    fn digits_and_letters_of_other_keyboards_are_the_same() {
        assert_eq!(normalize(Language::Arabic, "١٩٤٥ کتابِ"), "1945 كتاب");
        assert_eq!(normalize(Language::Hindi, "१९४७"), "1947");
        assert_eq!(normalize(Language::Turkish, "IĞDIR İZMİR"), "ığdır izmir");
        assert_eq!(normalize(Language::English, "IĞDIR İZMİR"), "iğdir izmir");
        assert_eq!(fold("ığdır".into()), "igdir");
    }
}
