//! What phrases may mention of a schema, computed once for all questions about it.
//!
//! Names and values come from files that people upload, so all of it is bounded: what exceeds a limit is mentioned by no
//! phrase, and a question about it is not understood.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    Column, Kind, Schema,
    mentions::{MAX_PHRASE, Meaning, phrase, singular, words},
    retrieve::Words,
};

/// Most columns that are considered, of all tables together.
const MAX_COLUMNS: usize = 10_000;
/// Most references that are considered, of all tables together.
const MAX_REFERENCES: usize = 10_000;
/// Most values that are considered, of all columns together.
const MAX_VALUES: usize = 20_000;
/// Longest name or value that is considered, in bytes.
pub(crate) const MAX_TEXT: usize = 200;
/// Most things that one phrase may mention; one that could mean more tells nothing.
const MAX_MEANINGS: usize = 1_000;
/// What an entry of a map takes beside its texts, in bytes, roughly.
const ENTRY: usize = 100;

/// A schema, and what phrases mention of it.
#[derive(Debug, Default)]
pub struct Vocabulary {
    pub(crate) schema: Schema,
    /// By phrases in the singular.
    names: HashMap<String, Vec<Meaning>>,
    /// By phrases as they are.
    values: HashMap<String, Vec<Meaning>>,
    /// How often a word is part of a name, by table: that of the table counts more than those of its columns.
    ratings: HashMap<String, BTreeMap<usize, u32>>,
    /// For each table, each of its references with the table it leads to, both by index.
    references: Vec<Vec<(usize, usize)>>,
    /// For each table those that refer to it.
    referring: Vec<Vec<usize>>,
    pub(crate) words: Words,
    bytes: usize,
}

impl Vocabulary {
    /// Computes the phrases of a schema.
    pub fn new(schema: Schema) -> Self {
        let references = references(&schema);
        let mut referring = vec![Vec::new(); schema.tables.len()];
        for (from, targets) in references.iter().enumerate() {
            for (_, to) in targets {
                if let Some(referring) = referring.get_mut(*to) {
                    referring.push(from);
                }
            }
        }
        let mut made = Self {
            references,
            referring,
            words: Words::new(&schema, MAX_COLUMNS),
            ..Self::default()
        };
        let (mut columns, mut values) = (0, 0);
        for (index, table) in schema.tables.iter().enumerate() {
            for name in std::iter::once(&table.name).chain(&table.synonyms) {
                made.name(&phrase_of(name), Meaning::Table(index));
                made.rate(name, index, 4);
            }
            for (at, column) in table.columns.iter().enumerate() {
                columns += 1;
                if columns > MAX_COLUMNS {
                    break;
                }
                for phrase in phrases_of(column) {
                    made.name(&phrase, Meaning::Column(index, at));
                }
                made.rate(&column.name, index, 1);
                for (place, value) in column.values.iter().enumerate() {
                    values += 1;
                    if values <= MAX_VALUES && value.len() <= MAX_TEXT {
                        made.value(value, Meaning::Value(index, at, place));
                    }
                }
            }
        }
        // A phrase of too many meanings would be cut to some of them.
        for map in [&mut made.names, &mut made.values] {
            map.retain(|_, meanings| meanings.len() <= MAX_MEANINGS);
        }
        made.bytes = made.size() + size_of(&schema) + made.words.bytes();
        made.schema = schema;
        made
    }

    /// Returns its size in memory, in bytes, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns what a phrase may mention. `words`: as they are; `stems`: in the singular.
    pub(crate) fn meanings(&self, words: &[String], stems: &[String]) -> Vec<Meaning> {
        let names = self.names.get(&stems.join(" ")).into_iter().flatten();
        let values = self.values.get(&words.join(" ")).into_iter().flatten();
        names.chain(values).copied().collect()
    }

    /// Returns the tables in whose names these words are, the best first.
    pub(crate) fn rated<'a>(&self, stems: impl Iterator<Item = &'a String>) -> Vec<usize> {
        let mut ratings = vec![0; self.schema.tables.len()];
        for stem in stems.collect::<HashSet<_>>() {
            for (table, rating) in self.ratings.get(stem).into_iter().flatten() {
                if let Some(sum) = ratings.get_mut(*table) {
                    *sum += rating;
                }
            }
        }
        let mut tables: Vec<usize> = (0..ratings.len()).collect();
        tables.sort_by_key(|table| std::cmp::Reverse(ratings.get(*table).copied()));
        tables
    }

    /// Returns the references of a table, each with the table it leads to.
    pub(crate) fn references(&self, table: usize) -> &[(usize, usize)] {
        self.references.get(table).map_or(&[], Vec::as_slice)
    }

    /// Returns the tables that a table refers to, and those that refer to it.
    pub(crate) fn neighbors(&self, table: usize) -> impl Iterator<Item = usize> {
        let referring = self.referring.get(table).into_iter().flatten().copied();
        self.references(table).iter().map(|(_, to)| *to).chain(referring)
    }

    fn name(&mut self, phrase: &[String], meaning: Meaning) {
        if !phrase.is_empty() && phrase.len() <= MAX_PHRASE {
            note(self.names.entry(phrase.join(" ")).or_default(), meaning);
        }
    }

    fn value(&mut self, value: &str, meaning: Meaning) {
        let phrase = words(value);
        if !phrase.is_empty() && phrase.len() <= MAX_PHRASE {
            note(self.values.entry(phrase.join(" ")).or_default(), meaning);
        }
    }

    fn rate(&mut self, name: &str, table: usize, rating: u32) {
        for word in phrase_of(name).into_iter().take(2 * MAX_PHRASE) {
            let rated = self.ratings.entry(word).or_default().entry(table).or_default();
            *rated = rated.saturating_add(rating);
        }
    }

    fn size(&self) -> usize {
        let meanings = self.names.iter().chain(&self.values);
        let phrases = meanings.map(|(phrase, meanings)| ENTRY + phrase.len() + size_of_val(meanings.as_slice()));
        let ratings = self.ratings.iter();
        let words = ratings.map(|(word, tables)| ENTRY + word.len() + tables.len() * ENTRY / 4);
        phrases.sum::<usize>() + words.sum::<usize>()
    }
}

fn note(meanings: &mut Vec<Meaning>, meaning: Meaning) {
    if meanings.len() <= MAX_MEANINGS && !meanings.contains(&meaning) {
        meanings.push(meaning);
    }
}

/// Returns a name as words; none if it is too long to be said.
fn phrase_of(name: &str) -> Vec<String> {
    if name.len() > MAX_TEXT {
        return Vec::new();
    }
    phrase(name)
}

/// Returns the phrases that mention a column. A day or moment is also mentioned by what happened: `ordered_on`, `ordered`.
fn phrases_of(column: &Column) -> Vec<Vec<String>> {
    let name = phrase_of(&column.name);
    let mut phrases: Vec<Vec<String>> = column.synonyms.iter().map(|synonym| phrase_of(synonym)).collect();
    if let Some((last, rest)) = name.split_last()
        && ["on", "at", "date"].contains(&last.as_str())
        && !rest.is_empty()
    {
        phrases.push(rest.to_vec());
    }
    // `country_name` is a country, and `citation_num` or `num_citations` a number of citations.
    if let [rest @ .., last] = name.as_slice()
        && last == "name"
        && !rest.is_empty()
    {
        phrases.push(rest.to_vec());
    }
    let is_count = |word: &String| ["num", "count", "number"].contains(&word.as_str());
    let counted: Vec<String> = name.iter().filter(|word| !is_count(word)).cloned().collect();
    if !counted.is_empty() && counted.len() + 1 == name.len() && column.kind == Kind::Number {
        let number_of = ["number", "of"].map(str::to_owned);
        phrases.push(number_of.into_iter().chain(counted).collect());
    }
    phrases.push(name);
    phrases
}

fn references(schema: &Schema) -> Vec<Vec<(usize, usize)>> {
    let lower: Vec<String> = schema.tables.iter().map(|table| table.name.to_lowercase()).collect();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (index, name) in lower.iter().enumerate() {
        by_name.entry(name).or_insert(index);
    }
    let mut left = MAX_REFERENCES;
    let of_table = |table: &crate::Table| {
        let known = table.references.iter().enumerate().take(left);
        let known: Vec<(usize, usize)> = known
            .filter_map(|(at, reference)| Some((at, *by_name.get(reference.table.to_lowercase().as_str())?)))
            .collect();
        left -= known.len();
        known
    };
    schema.tables.iter().map(of_table).collect()
}

/// Returns the size of the texts of a schema, in bytes, roughly.
fn size_of(schema: &Schema) -> usize {
    let text = |text: &String| text.len() + size_of_val(text);
    let texts = |texts: &[String]| texts.iter().map(text).sum::<usize>();
    let tables = schema.tables.iter().map(|table| {
        let columns = table.columns.iter().map(|column| {
            ENTRY + text(&column.name) + column.about.len() + texts(&column.synonyms) + texts(&column.values)
        });
        let references = table.references.iter();
        let references = references.map(|other| text(&other.column) + text(&other.table) + text(&other.key));
        let names = text(&table.name) + table.about.len() + texts(&table.synonyms) + texts(&table.key);
        ENTRY + names + columns.sum::<usize>() + references.sum::<usize>()
    });
    tables.sum()
}

/// Returns the words of a question in the singular.
pub(crate) fn stems(words: &[String]) -> Vec<String> {
    words.iter().map(|word| singular(word)).collect()
}
