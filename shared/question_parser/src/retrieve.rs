//! Which tables of a large schema a question may be about: by their words (BM25), and by what they refer to.

use std::collections::{HashMap, HashSet};

use crate::{
    Schema,
    mentions::{phrase, words},
    vocabulary::{MAX_TEXT, Vocabulary, stems},
};

/// How fast a repeated word counts less, and how much long tables count less
/// (<https://doi.org/10.1561/1500000019>).
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.3;
/// How much a word counts where it stands.
const IN_TABLE: f32 = 4.0;
const IN_COLUMN: f32 = 1.0;
const IN_VALUE: f32 = 1.0;
const IN_ABOUT: f32 = 0.5;
/// Most words of a description that are looked at.
const MAX_ABOUT: usize = 100;
/// Most words of a question that are looked at.
const MAX_WORDS: usize = 60;
/// Most words that are known of all tables.
const MAX_KNOWN: usize = 50_000;
/// Words that are in most questions, whatever they are about.
const COMMON: [&str; 40] = [
    "a", "all", "and", "are", "as", "at", "average", "be", "by", "count", "do", "doe", "each", "for", "from", "give",
    "has", "have", "how", "i", "in", "is", "list", "many", "me", "most", "number", "of", "on", "or", "per", "show",
    "the", "their", "there", "to", "total", "what", "which", "with",
];

/// The words of the tables.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// For each word the tables that have it, with its weight there.
    tables: HashMap<String, HashMap<usize, f32>>,
    lengths: Vec<f32>,
}

impl Words {
    pub(crate) fn new(schema: &Schema, max_columns: usize) -> Self {
        let mut words = Self::default();
        let mut left = max_columns;
        for (index, table) in schema.tables.iter().enumerate() {
            words.lengths.push(0.0);
            for name in std::iter::once(&table.name).chain(&table.synonyms) {
                words.add(index, phrase_of(name), IN_TABLE);
            }
            words.add(index, stems(&about(&table.about)), IN_ABOUT);
            for column in table.columns.iter().take(left) {
                for name in std::iter::once(&column.name).chain(&column.synonyms) {
                    words.add(index, phrase_of(name), IN_COLUMN);
                }
                for value in &column.values {
                    words.add(index, phrase_of(value), IN_VALUE);
                }
                words.add(index, stems(&about(&column.about)), IN_ABOUT);
            }
            left = left.saturating_sub(table.columns.len());
        }
        words
    }

    fn add(&mut self, table: usize, found: Vec<String>, weight: f32) {
        for word in found {
            let is_full = self.tables.len() >= MAX_KNOWN && !self.tables.contains_key(&word);
            if is_full || COMMON.contains(&word.as_str()) {
                continue;
            }
            *self.tables.entry(word).or_default().entry(table).or_default() += weight;
            if let Some(length) = self.lengths.get_mut(table) {
                *length += weight;
            }
        }
    }

    /// Returns the size in memory, in bytes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let words = self.tables.iter();
        words.map(|(word, tables)| 100 + word.len() + tables.len() * 24).sum()
    }

    /// Returns how much each table is about these words.
    fn scores(&self, asked: &HashSet<String>) -> Vec<f64> {
        let count = self.lengths.len();
        let mean = self.lengths.iter().map(|length| f64::from(*length)).sum::<f64>() / count_of(count.max(1));
        let mut scores = vec![0.0; count];
        for word in asked {
            for (found, similar) in self.similar(word) {
                let has = count_of(found.len());
                let rarity = (1.0 + (count_of(count) - has + 0.5) / (has + 0.5)).ln();
                for (table, weight) in found {
                    let (Some(score), Some(length)) = (scores.get_mut(*table), self.lengths.get(*table)) else {
                        continue;
                    };
                    let weight = f64::from(*weight);
                    let norm = SATURATION * (1.0 - LENGTH + LENGTH * f64::from(*length) / mean.max(1.0));
                    *score += similar * rarity * weight * (SATURATION + 1.0) / (weight + norm);
                }
            }
        }
        scores
    }

    /// Returns the tables of a word, and those of words that are made of it or begin like it.
    fn similar(&self, word: &str) -> Vec<(&HashMap<usize, f32>, f64)> {
        let mut found: Vec<_> = self.tables.get(word).map(|tables| (tables, 1.0)).into_iter().collect();
        let length = word.chars().count();
        if length >= 4 {
            for (other, tables) in &self.tables {
                if other == word || other.chars().count() < 4 {
                    continue;
                }
                let shorter = length.min(other.chars().count());
                let common = word
                    .chars()
                    .zip(other.chars())
                    .take_while(|(one, other)| one == other)
                    .count();
                if other.contains(word) || word.contains(other.as_str()) {
                    found.push((tables, 0.5));
                } else if common >= 4 && common + 3 >= shorter {
                    found.push((tables, 0.4));
                }
            }
        }
        found
    }
}

/// Returns the tables that a question may be about, by index in the order of the schema: all if there are at most `whole`,
/// else at most `most`, those whose words it has and those that refer to them or that they refer to.
pub fn tables_for(question: &str, vocabulary: &Vocabulary, whole: usize, most: usize) -> Vec<usize> {
    let count = vocabulary.schema.tables.len();
    if count <= whole {
        return (0..count).collect();
    }
    let words = words(question);
    let asked: HashSet<String> = stems(&words[..words.len().min(MAX_WORDS)])
        .into_iter()
        .filter(|word| !COMMON.contains(&word.as_str()))
        .collect();
    let scores = vocabulary.words.scores(&asked);
    let score = |table: usize| scores.get(table).copied().unwrap_or_default();
    let mut ranked: Vec<usize> = (0..count).collect();
    // The order of names decides among equals.
    ranked.sort_by(|one, other| score(*other).total_cmp(&score(*one)));
    // Most of the room is for tables by their words; the rest is for those between them.
    let by_words = most - most / 4;
    let mut chosen: Vec<usize> = ranked
        .iter()
        .copied()
        .take(by_words)
        .filter(|table| score(*table) > 0.0)
        .collect();
    let mut near: HashMap<usize, f64> = HashMap::new();
    for (place, table) in chosen.iter().enumerate() {
        for other in vocabulary.neighbors(*table) {
            *near.entry(other).or_default() += score(*table) / count_of(place + 1);
        }
    }
    let mut near: Vec<(usize, f64)> = near.into_iter().filter(|(table, _)| !chosen.contains(table)).collect();
    near.sort_by(|(one, near), (other, far)| {
        (far + score(*other))
            .total_cmp(&(near + score(*one)))
            .then(one.cmp(other))
    });
    let near = near.into_iter().map(|(table, _)| table);
    for table in near.take(most / 4).collect::<Vec<_>>().into_iter().chain(ranked) {
        if chosen.len() < most && !chosen.contains(&table) {
            chosen.push(table);
        }
    }
    chosen.sort_unstable();
    chosen
}

fn phrase_of(name: &str) -> Vec<String> {
    if name.len() > MAX_TEXT {
        Vec::new()
    } else {
        phrase(name)
    }
}

fn about(text: &str) -> Vec<String> {
    let mut words = words(text);
    words.truncate(MAX_ABOUT);
    words
}

#[expect(clippy::cast_precision_loss, reason = "a number of tables")]
fn count_of(number: usize) -> f64 {
    number as f64
}
