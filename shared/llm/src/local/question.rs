//! Analysis of a question.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::text::{subject_terms, term_set};

/// Words of questions that say little about their subject: answers often contain none of them.
static WEAK: LazyLock<HashSet<String>> = LazyLock::new(|| {
    term_set(
        "many much long often old big large far kind type sort name named called call mean meaning happen explain \
         describe give list show find know say said get got use used make made take took become document documents \
         file text page information detail exactly first last main one two way thing someone person people help policy policies rule rules",
    )
});

/// A term of the question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) text: String,
    /// Whether it is a name or a number: a passage without it is hardly about the question.
    pub is_name: bool,
    /// Whether it is one of [`WEAK`].
    pub is_weak: bool,
}

/// The kind of thing that would answer the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// A number, a date, a time.
    Number,
    /// A person, a place, a thing with a name.
    Name,
    Anything,
}

/// An analyzed question.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    /// The terms of the question itself, each once.
    pub terms: Vec<Term>,
    /// The terms of the earlier question, if this one depends on it.
    pub context: Vec<Term>,
    pub wants: Wants,
}

impl Question {
    /// Analyzes the user's messages, newest first.
    pub(super) fn read<'a>(mut user_messages: impl Iterator<Item = &'a str>) -> Self {
        let text = user_messages.next().unwrap_or_default();
        let terms = terms_of(text);
        let mut context = Vec::new();
        if follows_up(text, &terms)
            && let Some(previous) = user_messages.find(|message| !subject_terms(message).is_empty())
        {
            context = terms_of(previous);
            context.retain(|old| !terms.iter().any(|term| term.text == old.text));
        }
        Self {
            terms,
            context,
            wants: wants(text),
        }
    }
}

fn terms_of(text: &str) -> Vec<Term> {
    let names = names_in(text);
    let mut seen = HashSet::new();
    subject_terms(text)
        .into_iter()
        .filter(|term| seen.insert(term.clone()))
        .map(|text| Term {
            is_name: names.contains(&text),
            is_weak: WEAK.contains(&text),
            text,
        })
        .collect()
}

/// Returns the terms with a capital letter inside the sentence or with a digit.
fn names_in(text: &str) -> HashSet<String> {
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
        .filter(|(at, word)| {
            word.chars().any(|c| c.is_ascii_digit()) || (capitals_count && is_capital(word) && !starts_sentence(*at))
        })
        .flat_map(|(_, word)| subject_terms(word))
        .collect()
}

/// Returns whether the question depends on the earlier one: `and for grinders?`, `how long does it take?`.
fn follows_up(text: &str, terms: &[Term]) -> bool {
    const POINTERS: [&str; 12] = [
        "it", "its", "they", "them", "their", "that", "those", "these", "this", "he", "she", "there",
    ];
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let opens = [
        "and",
        "also",
        "but",
        "or",
        "then",
        "what about",
        "how about",
        "why",
        "why not",
        "same for",
    ]
    .iter()
    .any(|opening| {
        lower
            .trim_start()
            .strip_prefix(opening)
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    });
    let strong = terms.iter().filter(|term| !term.is_weak).count();
    let points = words.iter().any(|word| POINTERS.contains(word));
    strong == 0 || (strong <= 3 && opens) || (strong <= 2 && points)
}

fn wants(text: &str) -> Wants {
    const NUMBER: [&str; 15] = [
        "how many",
        "how much",
        "how long",
        "how often",
        "how old",
        "how far",
        "how big",
        "how large",
        "how tall",
        "how high",
        "what percent",
        "what year",
        "which year",
        "what date",
        "what time",
    ];
    const NAME: [&str; 4] = ["whom", "whose", "what city", "what country"];
    let lower = text.to_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    // `when` and the like ask only at the beginning of a question; elsewhere they join clauses.
    let begins = |words: &[&str]| lower.split_whitespace().take(2).any(|word| words.contains(&word));
    if has(&NUMBER) || begins(&["when"]) {
        Wants::Number
    } else if has(&NAME) || begins(&["who", "where", "which"]) {
        Wants::Name
    } else {
        Wants::Anything
    }
}
