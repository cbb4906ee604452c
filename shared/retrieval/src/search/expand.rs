//! Words of the documents that are like a word of the question.

use super::Indexed;
use super::matches::List;
use crate::Language;
use crate::terms::QuestionTerm;

/// A word that differs in one letter counts so much.
const MISSPELT: f64 = 0.6;
/// A shorter word has too many neighbors. Characters.
const LEAST_MISSPELT: usize = 5;
/// The same where an answer depends on it: `invent` is not `invest`. Characters.
const LEAST_LIKE: usize = 7;
/// A compound that contains the word counts so much.
const COMPOUND: f64 = 0.4;
/// A shorter word is part of too many others by chance. Characters.
const LEAST_COMPOUND: usize = 5;

/// Returns where the documents hold words that differ from a term in one letter: one added, missing or replaced, or two
/// exchanged.
pub(super) fn misspelt<'a>(documents: &'a [Indexed<'a>], term: &QuestionTerm) -> Vec<List<'a>> {
    let forms: Vec<Vec<char>> = term
        .forms
        .iter()
        .map(|form| form.chars().collect::<Vec<char>>())
        .filter(|form| form.len() >= LEAST_MISSPELT && !form.iter().any(|c| c.is_numeric()))
        .collect();
    if forms.is_empty() {
        return Vec::new();
    }
    let mut lists = Vec::new();
    let mut letters: Vec<char> = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        for (word, postings) in document.segment.dictionary() {
            let is_near = forms.iter().any(|form| {
                // A character has at most four bytes.
                if word.len() + 4 < form.len() || word.len() > 4 * (form.len() + 1) {
                    return false;
                }
                letters.clear();
                letters.extend(word.chars());
                differs_in_one(form, &letters)
            });
            if is_near {
                lists.push(List {
                    document: number,
                    postings,
                    factor: MISSPELT,
                });
            }
        }
    }
    lists
}

/// Returns whether a word of a document is like a term of a question: a compound that contains it, or, if `misspelt` is
/// set, a word that differs in one letter.
pub fn like(term: &str, word: &str, misspelt: bool) -> bool {
    if term.contains(|c: char| c.is_numeric() || c >= '\u{2e80}') {
        return false;
    }
    let length = term.chars().count();
    if length >= LEAST_COMPOUND && word.len() >= term.len() + 3 && word.contains(term) {
        return true;
    }
    let letters = |word: &str| word.chars().collect::<Vec<char>>();
    misspelt
        && length >= LEAST_LIKE
        && word.len().abs_diff(term.len()) <= 4
        && differs_in_one(&letters(term), &letters(word))
}

/// Returns whether two words differ in one letter, or in the order of two neighboring ones.
fn differs_in_one(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(one, other)| one == other).count();
    let (short, long) = (&short[same..], &long[same..]);
    if short.len() < long.len() {
        return short == &long[1..];
    }
    if let ([_, rest @ ..], [_, other @ ..]) = (short, long)
        && rest == other
    {
        return true;
    }
    let exchanged = [short.get(1), short.first()] == [long.first(), long.get(1)];
    exchanged && short.len() > 1 && short[2..] == long[2..]
}

/// Returns where the documents hold words that contain a term, in the languages that write compounds as one word.
pub(super) fn compounds<'a>(
    documents: &'a [Indexed<'a>],
    languages: &[Language],
    term: &QuestionTerm,
) -> Vec<List<'a>> {
    let joins = |language: &Language| {
        matches!(
            language,
            Language::German
                | Language::Dutch
                | Language::Danish
                | Language::Norwegian
                | Language::Swedish
                | Language::Finnish
        )
    };
    if !languages.iter().any(joins) || term.is_joined {
        return Vec::new();
    }
    let mut lists = Vec::new();
    for form in &term.forms {
        let length = form.chars().count();
        if length < LEAST_COMPOUND || form.contains(|c: char| c.is_numeric()) {
            continue;
        }
        for (number, document) in documents.iter().enumerate() {
            for (word, postings) in document.segment.containing(form) {
                let rest = word.len() - form.len();
                if rest >= 3 {
                    lists.push(List {
                        document: number,
                        postings,
                        factor: COMPOUND,
                    });
                }
            }
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_may_be_wrong() {
        let differs = |a: &str, b: &str| {
            let letters = |word: &str| word.chars().collect::<Vec<char>>();
            differs_in_one(&letters(a), &letters(b))
        };
        for (a, b) in [
            ("warranti", "waranti"),
            ("warranti", "warrantie"),
            ("warranti", "werranti"),
            ("warranti", "warrnati"),
            ("кофе", "коффе"),
        ] {
            assert!(differs(a, b) && differs(b, a), "{a} {b}");
        }
        for (a, b) in [("grinder", "grander2"), ("abcd", "badc"), ("same", "same"), ("", "ab")] {
            assert!(!differs(a, b), "{a} {b}");
        }
    }
}
