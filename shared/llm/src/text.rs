//! Words and sentences for the built-in model, on top of retrieval's tokenization.

use std::collections::HashSet;

use retrieval::{Language, Passage};

/// Longer "sentences" are tables or extraction errors; they are cut at a word. Characters.
const LONGEST_SENTENCE: usize = 420;

/// Returns the distinct terms of a text, without stop words.
pub(crate) fn term_set(language: Language, text: &str) -> HashSet<String> {
    retrieval::subject_terms(language, text).into_iter().collect()
}

/// Returns the sentences of a passage, each on one line without list marks and at most [`LONGEST_SENTENCE`] long.
pub(crate) fn sentences(language: Language, text: &str) -> Vec<String> {
    retrieval::sentences(language, text)
        .into_iter()
        .map(tidy)
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
        .collect()
}

/// Returns the sentences of a passage as the built-in model quotes them, in their order: those to be compared with a
/// question by their meaning.
pub fn passage_sentences(passage: &Passage) -> Vec<String> {
    sentences(passage.language, &passage.text)
}

fn tidy(sentence: &str) -> String {
    let marks = |c: char| c.is_whitespace() || matches!(c, '•' | '◦' | '▪' | '‣' | '·' | '*' | '#' | '|');
    let bare = sentence.trim_matches(marks);
    let bare = bare
        .strip_prefix("- ")
        .or_else(|| bare.strip_prefix("– "))
        .unwrap_or(bare);
    let mut line = String::with_capacity(bare.len());
    let mut length = 0;
    for word in bare.split_whitespace() {
        if length + word.chars().count() > LONGEST_SENTENCE && !line.is_empty() {
            line.push_str(" …");
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(LONGEST_SENTENCE));
        length += word.chars().count() + 1;
    }
    line
}
