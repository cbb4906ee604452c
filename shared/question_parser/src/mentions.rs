//! Words, and which tables, columns and values they mention.

use crate::vocabulary::{Vocabulary, stems};

/// Most words of a mention.
pub(crate) const MAX_PHRASE: usize = 4;

/// What a phrase may mention, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Table(usize),
    Column(usize, usize),
    /// A value of a column.
    Value(usize, usize, usize),
}

/// A part of a question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Word(String),
    Number(String),
    /// `2026-11-30`.
    Day(String),
    /// Everything that a phrase may mention.
    Mention(Vec<Meaning>),
}

/// Returns the words of a question in lower case. Numbers and days stay whole.
pub(crate) fn words(question: &str) -> Vec<String> {
    let is_inner = |character: char| character.is_alphanumeric() || "-.&_".contains(character);
    let mut words = Vec::new();
    for part in question.split(|character: char| !is_inner(character) && character != '\'' && character != ',') {
        // `customer's` is of a customer, and `1,000` is a number.
        let part = part.trim_matches(|character: char| !character.is_alphanumeric());
        let part = part.strip_suffix("'s").unwrap_or(part);
        for piece in part.split('\'') {
            let digits = piece.replace(',', "");
            let is_number = !digits.is_empty()
                && digits
                    .chars()
                    .all(|character| character.is_ascii_digit() || character == '.');
            if is_number {
                words.push(digits);
                continue;
            }
            let pieces = piece.split([',', '_']).filter(|piece| !piece.is_empty());
            words.extend(pieces.map(str::to_lowercase));
        }
    }
    words
}

/// Returns a word without the ending of a plural.
pub(crate) fn singular(word: &str) -> String {
    let ends = |ending: &str| word.len() > ending.len() + 1 && word.ends_with(ending);
    if ends("ies") {
        format!("{}y", &word[..word.len() - 3])
    } else if ["ches", "shes", "sses", "xes", "tuses"]
        .iter()
        .any(|ending| ends(ending))
    {
        word[..word.len() - 2].to_owned()
    } else if ends("s") && !["ss", "us", "is"].iter().any(|ending| word.ends_with(ending)) {
        word[..word.len() - 1].to_owned()
    } else {
        word.to_owned()
    }
}

/// Returns a name as words, each in the singular.
pub(crate) fn phrase(name: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut was_lower = false;
    for character in name.chars() {
        // `unitPrice` is two words.
        if character.is_uppercase() && was_lower {
            spaced.push(' ');
        }
        was_lower = character.is_lowercase();
        spaced.push(character);
    }
    words(&spaced).iter().map(|word| singular(word)).collect()
}

/// Returns the parts of a question. The longest phrase that mentions something is one.
pub(crate) fn items(words: &[String], vocabulary: &Vocabulary) -> Vec<Item> {
    let (mut items, mut at) = (Vec::new(), 0);
    let stems = stems(words);
    while at < words.len() {
        let longest = MAX_PHRASE.min(words.len() - at);
        let found = (1..=longest).rev().find_map(|length| {
            let meanings = meanings(&words[at..at + length], &stems[at..at + length], vocabulary);
            (!meanings.is_empty()).then_some((length, meanings))
        });
        let word = &words[at];
        let is_way = at > 0 && word == "order" && WAYS.contains(&words[at - 1].as_str());
        let found = found.filter(|_| !is_sorting(&words[at..]) && !is_way);
        if is_day(word) {
            items.push(Item::Day(word.clone()));
            at += 1;
        } else if word.parse::<f64>().is_ok() {
            items.push(Item::Number(word.clone()));
            at += 1;
        } else if let Some((length, meanings)) = found {
            items.push(Item::Mention(meanings));
            at += length;
        } else {
            items.push(Item::Word(word.clone()));
            at += 1;
        }
    }
    items
}

fn meanings(words: &[String], stems: &[String], vocabulary: &Vocabulary) -> Vec<Meaning> {
    // What a sentence is built of names nothing, whatever a column is called.
    if let [word] = words
        && STRUCTURE.contains(&word.as_str())
    {
        return Vec::new();
    }
    vocabulary.meanings(words, stems)
}

/// Words that clauses are made of.
const STRUCTURE: [&str; 44] = [
    "how", "many", "number", "count", "total", "sum", "average", "mean", "avg", "highest", "maximum", "max", "largest",
    "lowest", "minimum", "min", "smallest", "top", "bottom", "per", "by", "each", "every", "in", "of", "for", "with",
    "and", "or", "not", "between", "since", "after", "before", "until", "over", "above", "under", "below", "than",
    "month", "year", "quarter", "day",
];

/// Ways to sort, before the word `order`.
const WAYS: [&str; 3] = ["ascending", "descending", "alphabetical"];

/// Returns whether a word says how rows are sorted, whatever was also `ordered`.
fn is_sorting(words: &[String]) -> bool {
    let rest: Vec<&str> = words.iter().take(3).map(String::as_str).collect();
    match rest.as_slice() {
        ["ordered" | "sorted", "by" | "alphabetically", ..] => true,
        ["ordered" | "sorted", "in", way] => WAYS.contains(way),
        ["ordered" | "sorted", "from", end] => ["highest", "largest", "longest", "lowest", "smallest"].contains(end),
        _ => false,
    }
}

fn is_day(word: &str) -> bool {
    let bytes = word.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    bytes.len() == 10
        && [4, 7].iter().all(|index| bytes.get(*index) == Some(&b'-'))
        && [0, 1, 2, 3, 5, 6, 8, 9].into_iter().all(is_digit)
}
