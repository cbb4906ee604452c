use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Longer words, which are data (hashes, base64) and not language, are cut. Characters.
const LONGEST_TERM: usize = 64;

/// English words without a subject, sorted. They include question words, which say what kind of answer is wanted, not
/// what it is about.
const STOP_WORDS: [&str; 128] = [
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "an", "and", "any", "are", "as", "at",
    "be", "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "could", "did", "do",
    "does", "doing", "down", "during", "each", "few", "for", "from", "further", "had", "has", "have", "having", "he",
    "her", "here", "hers", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "itself", "just", "me",
    "more", "most", "my", "myself", "no", "nor", "not", "now", "of", "off", "on", "once", "only", "or", "other", "our",
    "ours", "out", "over", "own", "please", "s", "same", "shall", "she", "should", "so", "some", "such", "t", "tell",
    "than", "that", "the", "their", "theirs", "them", "then", "there", "these", "they", "this", "those", "through",
    "to", "too", "under", "until", "up", "very", "was", "we", "were", "what", "when", "where", "which", "while", "who",
    "whom", "whose", "why", "will", "with", "would", "you", "your", "yours", "yourself",
];

/// Returns the normalized, stemmed terms of a text in order, without stop words; for questions.
///
/// Compatibility forms, letter case and accents are folded (`Ｃａｆé` = `cafe`), English endings are stemmed
/// (Snowball English), and scripts written without spaces become overlapping pairs of characters. A text that consists
/// of stop words only (`The Who`) keeps all of them, so that it can still be searched for.
pub fn terms(text: &str) -> Vec<String> {
    let all = scan(text);
    let has_subject = all.iter().any(|term| !term.is_stop_word);
    all.into_iter()
        .filter(|term| !(has_subject && term.is_stop_word))
        .map(|term| term.text)
        .collect()
}

/// Returns all terms of a text in order, including stop words, for an index.
pub(crate) fn index_terms(text: &str) -> Vec<String> {
    scan(text).into_iter().map(|term| term.text).collect()
}

struct Term {
    text: String,
    is_stop_word: bool,
}

fn scan(text: &str) -> Vec<Term> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut found = Vec::new();
    let mut run: Vec<char> = Vec::new();
    let folded = fold(text);
    for word in folded.split_word_bounds() {
        if word.chars().all(is_unspaced) {
            run.extend(word.chars());
            continue;
        }
        push_pairs(&mut found, &mut run);
        if word.chars().any(char::is_alphanumeric) {
            push_word(&mut found, &stemmer, word);
        }
    }
    push_pairs(&mut found, &mut run);
    found
}

/// Returns the text in NFKC, lower case, and with Latin, Greek and Cyrillic letters without their accents.
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c) && is_combining_mark(*c);
    let lower = text.nfkd().filter(|c| !is_accent(c)).nfc().flat_map(char::to_lowercase);
    let mut out = String::with_capacity(text.len());
    for c in lower {
        match c {
            '’' | 'ʼ' | '＇' => out.push('\''),
            'ß' => out.push_str("ss"),
            'ς' => out.push('σ'),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            // Invisible: soft hyphens and joiners inside words from typesetting.
            '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Returns whether a script has no spaces between words (or is Hangul, whose particles attach to words): indexed as
/// pairs.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e4e}' | '\u{0e81}'..='\u{0ece}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

fn push_pairs(found: &mut Vec<Term>, run: &mut Vec<char>) {
    let is_stop_word = false;
    match run.as_slice() {
        [] => {}
        [only] => found.push(Term {
            text: only.to_string(),
            is_stop_word,
        }),
        many => found.extend(many.windows(2).map(|pair| Term {
            text: pair.iter().collect(),
            is_stop_word,
        })),
    }
    run.clear();
}

/// Adds the terms of one word of Unicode (UAX #29), which may have several: `snake_case`, `end.Start`; `Wi-Fi` is split
/// before.
fn push_word(found: &mut Vec<Term>, stemmer: &Stemmer, word: &str) {
    let is_number = word.chars().all(|c| c.is_numeric() || matches!(c, '.' | ',' | '\''));
    if is_number {
        // `1,000` and `1000` are the same number, `3.50` differs from `350`.
        let digits: String = word.chars().filter(|c| !matches!(c, ',' | '\'')).collect();
        return push(found, stemmer, digits.trim_matches('.'));
    }
    let is_acronym = word.contains('.') && word.split('.').all(|part| part.chars().count() <= 1);
    if is_acronym {
        return push(found, stemmer, &word.replace('.', ""));
    }
    for part in word.split(|c: char| !c.is_alphanumeric() && c != '\'' && !is_combining_mark(c)) {
        push(found, stemmer, part.trim_matches('\''));
    }
}

fn push(found: &mut Vec<Term>, stemmer: &Stemmer, word: &str) {
    if word.is_empty() {
        return;
    }
    let is_stop_word = STOP_WORDS.binary_search(&word).is_ok();
    let is_english = word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'\'');
    let stem = if is_english && !is_stop_word {
        stemmer.stem(word)
    } else {
        Cow::Borrowed(word)
    };
    found.push(Term {
        text: stem.chars().filter(|c| *c != '\'').take(LONGEST_TERM).collect(),
        is_stop_word,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_loses_its_stop_words_and_endings() {
        assert_eq!(
            terms("What are the refunds' shipping policies?"),
            ["refund", "ship", "polici"]
        );
        assert_eq!(terms("The grinder’s warranty"), ["grinder", "warranti"]);
    }

    #[test]
    fn a_text_of_stop_words_keeps_them() {
        assert_eq!(terms("The Who"), ["the", "who"]);
        assert!(terms(" ?! … ").is_empty());
    }

    #[test]
    fn compatibility_forms_case_and_accents_are_folded() {
        assert_eq!(
            terms("ﬁne Ｃａｆé STRASSE Straße"),
            ["fine", "cafe", "strass", "strass"]
        );
        assert_eq!(terms("nai\u{308}ve co\u{ad}operate"), terms("naive cooperate"));
        assert_eq!(terms("Ελλάς"), terms("ΕΛΛΑΣ"));
    }

    #[test]
    fn numbers_acronyms_and_joined_words_are_comparable() {
        assert_eq!(
            terms("1,000 3.50 U.S.A. snake_case Wi-Fi end.Start"),
            ["1000", "3.50", "usa", "snake", "case", "wi", "fi", "end", "start"]
        );
    }

    #[test]
    fn scripts_without_spaces_become_pairs_of_characters() {
        assert_eq!(terms("退款政策"), ["退款", "款政", "政策"]);
        assert_eq!(terms("コーヒー豆 is 豆"), ["コー", "ーヒ", "ヒー", "ー豆", "豆"]);
        assert_eq!(terms("환불 정책"), ["환불", "정책"]);
    }

    #[test]
    fn an_index_keeps_the_stop_words() {
        assert_eq!(index_terms("To be or not"), ["to", "be", "or", "not"]);
    }

    #[test]
    fn very_long_words_are_cut() {
        assert_eq!(terms(&"x9".repeat(500))[0].len(), LONGEST_TERM);
    }

    #[test]
    fn the_stop_words_are_sorted_for_the_binary_search() {
        assert!(STOP_WORDS.is_sorted());
    }
}
