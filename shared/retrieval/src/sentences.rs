use unicode_segmentation::UnicodeSegmentation;

/// Words whose period does not end a sentence, in lower case and without the last period.
const ABBREVIATIONS: [&str; 47] = [
    "abb", "al", "approx", "art", "arts", "bspw", "bzw", "ca", "cf", "ch", "co", "corp", "d.h", "dr", "e.g", "ed",
    "eq", "evtl", "fig", "figs", "gen", "ggf", "i.e", "inc", "jr", "ltd", "mr", "mrs", "ms", "no", "nos", "nr", "p",
    "pp", "prof", "ref", "rev", "sec", "sr", "st", "tab", "u.a", "vgl", "viz", "vol", "vs", "z.b",
];

/// Splits a text into sentences, in order, without surrounding white space.
///
/// A line break always ends a sentence: extraction puts one paragraph, list item or table row on one line. Within a
/// line the boundaries are those of Unicode (UAX #29), except that common abbreviations (`Dr. Lee`, `Fig. 3`), initials
/// (`J. Lee`) and list numbers (`2. Grind the beans`) stay with what follows.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.split(['\n', '\r', '\u{2028}', '\u{2029}']) {
        let mut start = 0;
        for (offset, piece) in line.split_sentence_bound_indices() {
            let end = offset + piece.len();
            if end < line.len() && is_unfinished(&line[start..end]) {
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

/// Returns whether the text ends with a period that belongs to its last word rather than to the sentence.
fn is_unfinished(text: &str) -> bool {
    let Some(body) = text.trim_end().strip_suffix('.') else {
        return false;
    };
    let word = body
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '“'))
        .next()
        .unwrap_or(body);
    let is_whole_text = word.len() == body.trim_start().len();
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        // `v.` between the parties of a court case.
        (Some(only), None) => (only.is_uppercase() && only != 'I') || only == 'v' || is_whole_text,
        (Some(_), Some(_)) => {
            let number = is_whole_text && word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            number || ABBREVIATIONS.binary_search(&word.to_lowercase().as_str()).is_ok()
        }
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_stops_and_at_line_breaks() {
        assert_eq!(
            sentences("We ship daily. Do we? Yes!\nRefunds\n\n  take 14 days.  "),
            ["We ship daily.", "Do we?", "Yes!", "Refunds", "take 14 days."]
        );
        assert!(sentences(" \n \r\n").is_empty());
    }

    #[test]
    fn abbreviations_initials_and_list_numbers_do_not_end_a_sentence() {
        assert_eq!(
            sentences("Dr. Lee and J. Kim wrote it (cf. Fig. 3). It costs 3.50 euros, e.g. for Mr. Roe. Done."),
            [
                "Dr. Lee and J. Kim wrote it (cf. Fig. 3).",
                "It costs 3.50 euros, e.g. for Mr. Roe.",
                "Done."
            ]
        );
        for whole in [
            "Smith v. Jones was decided on appeal.",
            "See No. 7, Art. 5 and Sec. 12 (approx. Half of it).",
            "Beans, i.e. Arabica, cost ca. 9 euros vs. Robusta.",
            "Kaffee, z.B. Arabica, bzw. Robusta, vgl. Abb. 3.",
        ] {
            assert_eq!(sentences(whole), [whole]);
        }
        assert_eq!(
            sentences("2. Grind the beans. Then I. He left."),
            ["2. Grind the beans.", "Then I.", "He left."]
        );
    }

    #[test]
    fn chinese_and_japanese_stops_end_a_sentence_without_a_space() {
        assert_eq!(
            sentences("我们每天发货。退款需要十四天！"),
            ["我们每天发货。", "退款需要十四天！"]
        );
    }

    #[test]
    fn the_abbreviations_are_sorted_for_the_binary_search() {
        assert!(ABBREVIATIONS.is_sorted());
    }
}
