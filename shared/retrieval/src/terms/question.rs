//! The terms of a question, in each language of the documents that are searched.

use std::collections::HashSet;

use super::tokens::{Kind, Token, is_unspaced, tokens};
use super::{surface_of, term};
use crate::Language;
use crate::language::{Capitals, Stems, of_question};

/// More distinct terms than this do not improve a question.
const MOST_TERMS: usize = 64;

/// A term of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionTerm {
    /// Its forms in the languages of the documents, each once: the stems of the word.
    pub forms: Vec<String>,
    /// Whether it is a name or a number: a passage without it is hardly about the question.
    pub is_name: bool,
    /// Whether it says little about the subject (`many`, `called`): answers often do not contain it.
    pub is_weak: bool,
    /// Whether it repeats the terms before it as one identifier (`PPR 9087`: `ppr9087`).
    pub is_joined: bool,
}

/// Returns the distinct terms of a question in the order of their first use, without stop words. A question of stop
/// words only (`The Who`) keeps all of them, so that it can still be searched for.
pub fn question_terms(text: &str, languages: &[Language]) -> Vec<QuestionTerm> {
    let asked = of_question(text, languages);
    let words = asked.words();
    let mut stems: Vec<Stems> = vec![Stems::of(asked)];
    stems.extend(
        languages
            .iter()
            .filter(|language| **language != asked)
            .map(|language| Stems::of(*language)),
    );
    let tokens = tokens(asked, text);
    let is_stop = |token: &Token| match token.kind {
        Kind::Word => words.stop.contains(&surface_of(&token.text)),
        Kind::Pair => token.touches_stop || token.text.chars().count() < 2,
        Kind::Number | Kind::Joined => false,
    };
    let has_subject = tokens.iter().any(|token| !is_stop(token));
    let names = names_in(text, asked);
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for token in tokens {
        if found.len() >= MOST_TERMS {
            break;
        }
        if has_subject && is_stop(&token) {
            continue;
        }
        let surface = surface_of(&token.text);
        let has_digit = token.text.contains(|c: char| c.is_ascii_digit());
        let mut forms: Vec<String> = Vec::new();
        for stems in &stems {
            let form = term(stems, token.clone());
            if !form.is_empty() && !forms.contains(&form) {
                forms.push(form);
            }
        }
        if forms.is_empty() || !seen.insert(forms.clone()) {
            continue;
        }
        found.push(QuestionTerm {
            forms,
            is_name: token.kind != Kind::Pair && (has_digit || names.contains(&surface)),
            is_weak: words.weak.contains(&surface),
            is_joined: token.kind == Kind::Joined,
        });
    }
    found
}

/// Returns the words with a capital letter inside the sentence, where that makes a name.
fn names_in(text: &str, language: Language) -> HashSet<String> {
    if language.words().capitals != Capitals::Names {
        return HashSet::new();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_capital = |word: &str| {
        word.chars()
            .find(|c| c.is_alphanumeric())
            .is_some_and(char::is_uppercase)
    };
    // In an all-caps or title-case question, capitals mean nothing.
    let capitals_count = words.iter().filter(|word| is_capital(word)).count() * 4 < words.len() * 3;
    let starts_sentence = |at: usize| at == 0 || words[at - 1].ends_with(['.', '?', '!', ':']);
    words
        .iter()
        .enumerate()
        .filter(|(at, word)| capitals_count && is_capital(word) && !starts_sentence(*at))
        .flat_map(|(_, word)| tokens(language, word))
        .filter(|token| !token.text.chars().any(is_unspaced))
        .map(|token| surface_of(&token.text))
        .collect()
}
