use unicode_segmentation::UnicodeSegmentation;

use crate::Language;
use crate::language::Words;
use crate::terms::surface;

/// Splits a text into sentences, in order, without surrounding white space.
///
/// A line break always ends a sentence: extraction puts one paragraph, list item or table row on one line. Within a
/// line the boundaries are those of Unicode (UAX #29), except that abbreviations of the language (`Dr. Lee`, `z. B.`,
/// `т. е.`), initials (`J. Lee`), ordinals (`am 25. Juni`) and list numbers (`2. Grind the beans`) stay with what
/// follows.
pub fn sentences(language: Language, text: &str) -> Vec<&str> {
    let words = language.words();
    let mut found = Vec::new();
    for line in text.split(['\n', '\r', '\u{2028}', '\u{2029}']) {
        let mut start = 0;
        for (offset, piece) in line.split_sentence_bound_indices() {
            let end = offset + piece.len();
            if end < line.len() && is_unfinished(language, words, &line[start..end], &line[end..]) {
                continue;
            }
            push_trimmed(&mut found, &line[start..end]);
            start = end;
        }
        push_trimmed(&mut found, &line[start..]);
    }
    found
}

fn push_trimmed<'a>(found: &mut Vec<&'a str>, sentence: &'a str) {
    let sentence = sentence.trim();
    if !sentence.is_empty() {
        found.push(sentence);
    }
}

/// Returns whether the text ends with a period that belongs to its last word rather than to the sentence; `after` is
/// what follows.
fn is_unfinished(language: Language, words: &Words, text: &str, after: &str) -> bool {
    let opens = |c: char| matches!(c, '(' | '[' | '{' | '"' | '“' | '„' | '«' | '‘' | '\'');
    let trimmed = text.trim_end();
    // `Yahoo! Inc.`, `"Why?" she said`: a mark inside the sentence.
    let Some(body) = trimmed.strip_suffix('.') else {
        return after.trim_start().starts_with(|c: char| c.is_lowercase());
    };
    let word = body
        .rsplit(|c: char| c.is_whitespace() || opens(c))
        .next()
        .unwrap_or(body);
    let before = body[..body.len() - word.len()].trim_end_matches(opens).trim_end();
    let is_first = before.is_empty();
    let next = after
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_start_matches(opens);
    // A capitalized `The` or `Er` begins a sentence.
    let starts_anew = || {
        next.starts_with(char::is_uppercase)
            && words.stop.contains(&surface(language, next))
            && next.chars().count() > 1
    };
    let mut chars = word.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else {
        return false;
    };
    if word.bytes().all(|b| b.is_ascii_digit() || b == b'.') && first.is_ascii_digit() {
        return is_first && word.len() <= 4 || is_ordinal(language, words, word, before, next);
    }
    let known = surface(language, word);
    if words.short.contains(&known) {
        return true;
    }
    if words.short_end.contains(&known) {
        return !next.starts_with(char::is_uppercase) && !next.is_empty() && next.starts_with(char::is_alphanumeric);
    }
    if second.is_none() {
        // An initial, or a letter of a spaced abbreviation (`z. B.`), or `v.` between the parties of a court case.
        return is_first || (first.is_alphabetic() && first != 'I' && !starts_anew());
    }
    // `U.S. Army`, `J.R.R. Tolkien`
    let is_acronym = word.contains('.') && word.split('.').all(|part| part.chars().count() <= 1);
    is_acronym && !starts_anew()
}

/// Returns whether a number with a period is an ordinal: `am 25. Juni`, `im 19. Jahrhundert`.
fn is_ordinal(language: Language, words: &Words, number: &str, before: &str, next: &str) -> bool {
    if !words.has_ordinals || number.len() > 3 {
        return false;
    }
    let is_month = words.months.contains(&surface(language, next));
    let article = before.split_whitespace().next_back().unwrap_or_default();
    is_month || words.stop.contains(&surface(language, article))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{Arabic, Chinese, English, German, Hindi, Russian, Spanish, Turkish};

    #[test]
    fn sentences_end_at_stops_and_at_line_breaks() {
        assert_eq!(
            sentences(English, "We ship daily. Do we? Yes!\nRefunds\n\n  take 14 days.  "),
            ["We ship daily.", "Do we?", "Yes!", "Refunds", "take 14 days."]
        );
        assert!(sentences(English, " \n \r\n").is_empty());
    }

    #[test]
    fn abbreviations_initials_and_list_numbers_do_not_end_a_sentence() {
        assert_eq!(
            sentences(
                English,
                "Dr. Lee and J. Kim wrote it (cf. Fig. 3). It costs 3.50 euros, e.g. for Mr. Roe. Done."
            ),
            [
                "Dr. Lee and J. Kim wrote it (cf. Fig. 3).",
                "It costs 3.50 euros, e.g. for Mr. Roe.",
                "Done."
            ]
        );
        assert_eq!(
            sentences(English, "2. Grind the beans. Then I. He left."),
            ["2. Grind the beans.", "Then I.", "He left."]
        );
        assert_eq!(
            sentences(English, "He joined the U.S. Army. She left the U.S. The end."),
            ["He joined the U.S. Army.", "She left the U.S.", "The end."]
        );
    }

    #[test]
    fn ordinals_and_abbreviations_of_other_languages_do_not_end_a_sentence() {
        for (language, whole) in [
            (German, "Das Fest beginnt am 25. Juni im Schloss."),
            (
                German,
                "Im 19. Jahrhundert gab es z. B. Dampfmaschinen, d. h. Fabriken usw. und mehr.",
            ),
            (
                German,
                "Sie wurde am 3. Oktober 1990 Teil der Bundesrepublik, vgl. Abb. 4 bei Dr. Meier.",
            ),
            (
                Russian,
                "Он родился в 1856 г. в деревне, т. е. далеко от города, на ул. Ленина.",
            ),
            (
                Spanish,
                "El Sr. Pérez vive en EE. UU. desde 1990, p. ej. en la av. Central.",
            ),
            (Turkish, "Toplantı 29. Ekim günü Dr. Yılmaz ile yapıldı."),
        ] {
            assert_eq!(sentences(language, whole), [whole]);
        }
        assert_eq!(
            sentences(German, "Das war 1905. Dann kam Zimmer 12. Später ging er."),
            ["Das war 1905.", "Dann kam Zimmer 12.", "Später ging er."]
        );
    }

    #[test]
    fn stops_of_every_script_end_a_sentence() {
        assert_eq!(
            sentences(Chinese, "我们每天发货。退款需要十四天！"),
            ["我们每天发货。", "退款需要十四天！"]
        );
        assert_eq!(
            sentences(Hindi, "हम रोज़ भेजते हैं। क्या यह मुफ़्त है? हाँ।"),
            ["हम रोज़ भेजते हैं।", "क्या यह मुफ़्त है?", "हाँ।"]
        );
        assert_eq!(
            sentences(Arabic, "نشحن كل يوم. هل هذا مجاني؟ نعم."),
            ["نشحن كل يوم.", "هل هذا مجاني؟", "نعم."]
        );
    }
}
