//! The words of each language by their role, from the tables in `words/`.
//!
//! A line of a table is `role: word word ...`; `_` is the space of a phrase. Words are compared without accents.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Language;
use crate::terms::{surface, surface_words};

/// What a capital letter inside a sentence says about a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capitals {
    /// It is a name.
    Names,
    /// It is a noun.
    Nouns,
    /// The script has none.
    None,
}

/// The words of a language by their role. All are surface forms: lower case, without accents.
#[derive(Debug)]
pub(crate) struct Words {
    /// Words without a subject, including question words.
    pub(crate) stop: HashSet<String>,
    /// Words of questions that say little about their subject: answers often contain none of them.
    pub(crate) weak: HashSet<String>,
    /// Phrases that ask for a number or a date, and those that do so only at the beginning of a question.
    pub(crate) number: Vec<String>,
    pub(crate) number_first: Vec<String>,
    /// Phrases that ask for a name, and those that do so only at the beginning of a question.
    pub(crate) name: Vec<String>,
    pub(crate) name_first: Vec<String>,
    /// Openings of a sentence that depends on the one before it.
    pub(crate) leans: Vec<String>,
    /// Pronouns by which a question refers to an earlier one.
    pub(crate) points: HashSet<String>,
    /// Openings of a question that continues an earlier one.
    pub(crate) follows: Vec<String>,
    /// Whole messages that accept an offer or request more.
    pub(crate) more: HashSet<String>,
    /// Numbers written as words.
    pub(crate) numerals: HashSet<String>,
    /// Words that follow an ordinal number.
    pub(crate) months: HashSet<String>,
    /// Abbreviations that never end a sentence, without their last period.
    pub(crate) short: HashSet<String>,
    /// Abbreviations that may end one.
    pub(crate) short_end: HashSet<String>,
    /// Whether ordinal numbers are written with a period.
    pub(crate) has_ordinals: bool,
    pub(crate) capitals: Capitals,
}

static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| {
    Language::ALL
        .iter()
        .map(|language| Words::read(*language, table(*language)))
        .collect()
});

fn table(language: Language) -> &'static str {
    match language {
        Language::Unknown => "",
        Language::Arabic => include_str!("words/ar.txt"),
        Language::Chinese => include_str!("words/zh.txt"),
        Language::Danish => include_str!("words/da.txt"),
        Language::Dutch => include_str!("words/nl.txt"),
        Language::English => include_str!("words/en.txt"),
        Language::Finnish => include_str!("words/fi.txt"),
        Language::French => include_str!("words/fr.txt"),
        Language::German => include_str!("words/de.txt"),
        Language::Greek => include_str!("words/el.txt"),
        Language::Hindi => include_str!("words/hi.txt"),
        Language::Hungarian => include_str!("words/hu.txt"),
        Language::Italian => include_str!("words/it.txt"),
        Language::Japanese => include_str!("words/ja.txt"),
        Language::Korean => include_str!("words/ko.txt"),
        Language::Norwegian => include_str!("words/nb.txt"),
        Language::Portuguese => include_str!("words/pt.txt"),
        Language::Romanian => include_str!("words/ro.txt"),
        Language::Russian => include_str!("words/ru.txt"),
        Language::Spanish => include_str!("words/es.txt"),
        Language::Swedish => include_str!("words/sv.txt"),
        Language::Turkish => include_str!("words/tr.txt"),
    }
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        &ALL[usize::from(language.code())]
    }

    fn read(language: Language, table: &str) -> Self {
        let values = |role: &str| {
            let lines = table.lines().filter_map(|line| line.split_once(": "));
            lines
                .filter(|(key, _)| *key == role)
                .map(|(_, values)| values)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let phrases = |role: &str| -> Vec<String> {
            let phrases = values(role);
            phrases
                .split_whitespace()
                .map(|phrase| surface(language, &phrase.replace('_', " ")))
                .collect()
        };
        let set = |role: &str| -> HashSet<String> { phrases(role).into_iter().collect() };
        Self {
            stop: set("stop"),
            weak: set("weak"),
            number: phrases("number"),
            number_first: phrases("number_first"),
            name: phrases("name"),
            name_first: phrases("name_first"),
            leans: phrases("leans"),
            points: set("points"),
            follows: phrases("follows"),
            more: set("more"),
            numerals: set("numerals"),
            months: set("months"),
            short: set("short"),
            short_end: set("short_end"),
            has_ordinals: values("ordinals") == "yes",
            capitals: match values("capitals").as_str() {
                "nouns" => Capitals::Nouns,
                "none" => Capitals::None,
                _ => Capitals::Names,
            },
        }
    }

    /// Returns the share of a text's words that are stop words of this language; 0 to 1.
    pub(super) fn stop_share(&self, language: Language, text: &str) -> f32 {
        let words = surface_words(language, text);
        let known = words.iter().filter(|word| self.stop.contains(*word)).count();
        #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
        if words.is_empty() {
            0.0
        } else {
            known as f32 / words.len() as f32
        }
    }
}
