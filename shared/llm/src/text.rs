//! Words and sentences for the built-in model, on top of retrieval's tokenization.

use std::collections::HashSet;

/// Longer "sentences" are tables or extraction errors; they are cut at a word. Characters.
const LONGEST_SENTENCE: usize = 420;

/// A word that is not a stop word: beside it, [`retrieval::terms`] drops every stop word.
const SUBJECT: &str = "parlance";

/// Returns the terms of a text without stop words; empty if it has only stop words.
pub(crate) fn subject_terms(text: &str) -> Vec<String> {
    let mut terms = retrieval::terms(&format!("{text}\n{SUBJECT}"));
    terms.pop();
    terms
}

/// Returns the distinct terms of a text.
pub(crate) fn term_set(text: &str) -> HashSet<String> {
    subject_terms(text).into_iter().collect()
}

/// Returns the sentences of a passage, each on one line without list marks and at most [`LONGEST_SENTENCE`] long.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    retrieval::sentences(text)
        .into_iter()
        .map(tidy)
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
        .collect()
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
