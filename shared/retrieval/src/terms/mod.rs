//! The terms of a text: what an index holds and a question is compared by.

mod normalize;
mod question;
mod tokens;

use std::borrow::Cow;

pub use question::{QuestionTerm, question_terms};

use crate::Language;
use crate::language::Stems;
use normalize::{fold, normalize};
use tokens::{Kind, Token, tokens};

/// The version of the rules by which terms are made of a text. Increase it with every change of a term: a segment whose
/// terms were made by other rules is indexed anew when it is read.
pub(crate) const ANALYSER: u8 = 1;

/// Longer words, which are data (hashes, base64) and not language, are cut. Characters.
const LONGEST_TERM: usize = 64;

/// Returns all terms of a text in order, including stop words, for an index.
///
/// Compatibility forms, letter case and accents are folded (`Ｃａｆé` = `cafe`), the endings of the language are removed
/// (Snowball), scripts written without spaces become overlapping pairs of characters, and an identifier is a term in
/// addition to its parts (`AB12/7`: `ab12`, `7`, `ab127`).
pub(crate) fn index_terms(language: Language, text: &str) -> Vec<String> {
    let stems = Stems::of(language);
    tokens(language, text)
        .into_iter()
        .map(|token| term(&stems, token))
        .filter(|term| !term.is_empty())
        .collect()
}

/// Returns the terms of a text in order, without stop words; none if it has only stop words.
pub fn subject_terms(language: Language, text: &str) -> Vec<String> {
    let stems = Stems::of(language);
    let stop = &language.words().stop;
    tokens(language, text)
        .into_iter()
        .filter(|token| match token.kind {
            Kind::Word => !stop.contains(&surface_of(&token.text)),
            Kind::Pair => !token.touches_stop,
            Kind::Number | Kind::Joined => true,
        })
        .map(|token| term(&stems, token))
        .filter(|term| !term.is_empty())
        .collect()
}

/// Returns the words of a text in lower case and without accents, separated by one space and without punctuation; scripts
/// without spaces stay as they are. Tables of words are compared in this form.
pub(crate) fn surface(language: Language, text: &str) -> String {
    surface_words(language, text).join(" ")
}

/// Returns the words of [`surface`].
pub(crate) fn surface_words(language: Language, text: &str) -> Vec<String> {
    normalize(language, text)
        .split(|c: char| !(c.is_alphanumeric() || is_mark(c) || c == '.'))
        .map(|word| fold(Cow::Borrowed(word.trim_matches('.'))))
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Returns one word as the tables have it.
fn surface_of(word: &str) -> String {
    if word.is_ascii() && !word.contains('\'') {
        return word.to_owned();
    }
    fold(Cow::Owned(
        word.replace('\'', " ").split(' ').next().unwrap_or_default().to_owned(),
    ))
}

fn term(stems: &Stems, token: Token) -> String {
    match token.kind {
        Kind::Word => finish(stems.stem(&token.text)),
        Kind::Number | Kind::Pair => token.text,
        Kind::Joined => finish(Cow::Owned(token.text)),
    }
}

fn finish(stem: Cow<'_, str>) -> String {
    let folded = fold(stem);
    if folded.len() <= LONGEST_TERM && !folded.contains('\'') {
        return folded;
    }
    folded.chars().filter(|c| *c != '\'').take(LONGEST_TERM).collect()
}

#[cfg(test)]
mod tests;
