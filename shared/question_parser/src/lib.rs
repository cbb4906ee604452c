//! Turns a question in English into SQL without a model, if every word of it is understood.
//!
//! ```text
//! question --words--> mentions of tables, columns and values --clauses--> what is asked --choose--> tables, joins --> SQL
//! ```
//!
//! A word that is not understood, or that could mean two things, ends the attempt: no answer is better than one to
//! another question. What is understood: numbers of rows, sums, averages, extremes, rows with the largest values, groups
//! (also by month), conditions by value, number and time, and joins from a table to those that it refers to.
//!
//! Pure functions: no I/O, no clock.

#![cfg_attr(
    test,
    expect(clippy::expect_used, reason = "a step that fails is the test's failure")
)]

mod candidates;
mod choose;
mod clauses;
mod joins;
mod mentions;
mod periods;
mod retrieve;
mod suggest;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::cell::Cell;

use candidates::Candidate;
pub use retrieve::tables_for;
pub use suggest::suggest;
pub use vocabulary::Vocabulary;

/// The tables of a database.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Other names for it.
    pub synonyms: Vec<String>,
    /// What people say of it: words by which it is found.
    pub about: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns of its primary key.
    pub key: Vec<String>,
    /// References to the key of another table.
    pub references: Vec<Reference>,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Other names for it.
    pub synonyms: Vec<String>,
    /// What people say of it: words by which its table is found.
    pub about: String,
    /// What its values are.
    pub kind: Kind,
    /// Its values, if there are few and they are text.
    pub values: Vec<String>,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Amounts.
    Number,
    /// Text.
    Text,
    /// Days or moments, as text that begins with `2026-11-30`.
    Time,
    /// Keys, and everything else.
    Other,
}

/// A reference from one column to the key of another table.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The column that refers.
    pub column: String,
    /// The table that it refers to.
    pub table: String,
    /// The key of that table.
    pub key: String,
}

/// A question that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The query.
    pub sql: String,
    /// How the question was understood.
    pub reading: String,
}

/// What is understood of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Understanding {
    /// All of it.
    Query(Parsed),
    /// All of it, but that it could mean one of these equally.
    Unclear(Vec<Choice>),
    /// Not all of it.
    Unknown,
}

/// Something that a question could mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The name by which it is chosen: `orders`, or `customers.country`.
    pub value: String,
    /// How people call it.
    pub label: String,
}

/// Longest question, in words.
const MAX_WORDS: usize = 40;
/// Longest question that is divided into words, in bytes.
const MAX_BYTES: usize = 8_000;
/// Most things that a question is asked back about.
const MAX_CHOICES: usize = 5;
/// Most steps for a question; one that needs more is not understood.
const MAX_WORK: usize = 200_000;
/// Most earlier questions that one goes on from.
const MAX_EARLIER: usize = 10;

/// Counts steps, so that no schema makes a question costly.
#[derive(Debug)]
pub(crate) struct Work(Cell<usize>);

impl Work {
    /// Returns `None` once there were too many.
    pub(crate) fn spend(&self, steps: usize) -> Option<()> {
        self.0.set(self.0.get().checked_sub(steps + 1)?);
        Some(())
    }
}

/// Returns the query of a question; `None` unless all of it is understood.
pub fn parse(question: &str, vocabulary: &Vocabulary) -> Option<Parsed> {
    match understand::<&str>(question, &[], &[], vocabulary) {
        Understanding::Query(parsed) => Some(parsed),
        Understanding::Unclear(_) | Understanding::Unknown => None,
    }
}

/// Returns what is understood of a question. `earlier`: the questions before it, oldest first, from which it may go on,
/// as in `and by month?`. `choices`: what was chosen where it was unclear.
pub fn understand<Q: AsRef<str>>(
    question: &str,
    earlier: &[Q],
    choices: &[String],
    vocabulary: &Vocabulary,
) -> Understanding {
    let Some(asked) = asked(question, earlier, vocabulary) else {
        return Understanding::Unknown;
    };
    let work = Work(Cell::new(MAX_WORK));
    match choose::query(&asked, vocabulary, choices, &work) {
        Ok(parsed) => Understanding::Query(parsed),
        Err(candidates) => {
            let mut fitting = Vec::new();
            for candidate in candidates.into_iter().take(MAX_CHOICES + 1) {
                fitting.extend(choice(candidate, &asked, vocabulary, choices, &work));
            }
            // Of more than these, people cannot choose; of less, there was nothing to choose.
            if (2..=MAX_CHOICES).contains(&fitting.len()) {
                Understanding::Unclear(fitting)
            } else {
                Understanding::Unknown
            }
        }
    }
}

/// Returns a candidate if the question is understood with it, or asks for another choice then.
fn choice(
    candidate: Candidate,
    asked: &clauses::Asked,
    vocabulary: &Vocabulary,
    choices: &[String],
    work: &Work,
) -> Option<Choice> {
    let schema = &vocabulary.schema;
    let (value, label) = (candidate.value(schema)?, candidate.label(schema)?);
    let chosen: Vec<String> = choices.iter().cloned().chain([value.clone()]).collect();
    let fits = match choose::query(asked, vocabulary, &chosen, work) {
        Ok(_) => true,
        Err(others) => others.len() > 1,
    };
    fits.then_some(Choice { value, label })
}

/// Returns the clauses of a question, or those of an earlier one with what it adds.
fn asked<Q: AsRef<str>>(question: &str, earlier: &[Q], vocabulary: &Vocabulary) -> Option<clauses::Asked> {
    let schema = &vocabulary.schema;
    let items = items(question, vocabulary)?;
    if let Some(asked) = clauses::read(&items, schema) {
        return Some(asked);
    }
    let mut additions = vec![clauses::read_on(&items, schema)?];
    for question in earlier.iter().rev().take(MAX_EARLIER) {
        let items = self::items(question.as_ref(), vocabulary)?;
        if let Some(mut asked) = clauses::read(&items, schema) {
            while let Some(addition) = additions.pop() {
                asked.go_on(addition);
            }
            return Some(asked);
        }
        additions.push(clauses::read_on(&items, schema)?);
    }
    None
}

fn items(question: &str, vocabulary: &Vocabulary) -> Option<Vec<mentions::Item>> {
    if question.len() > MAX_BYTES {
        return None;
    }
    let mut sentences = question.split_inclusive(['?', '.', '!']).map(mentions::words);
    // `1.5` and `e.g.` are not the end of a sentence.
    let is_split = (question.split(['?', '.', '!']).skip(1)).all(|rest| rest.is_empty() || rest.starts_with(' '));
    if is_split && let Some(first) = sentences.next() {
        let rest: Vec<Vec<String>> = sentences.filter(|words| !words.is_empty()).collect();
        let is_short = (1..=MAX_WORDS).contains(&(first.len() + rest.iter().map(Vec::len).sum::<usize>()));
        let items_of = |words: &Vec<String>| mentions::items(words, vocabulary);
        // Which columns are shown is not part of the question.
        if is_short
            && !rest.is_empty()
            && rest
                .iter()
                .map(items_of)
                .all(|items| clauses::says_what_to_show(&items))
        {
            return Some(items_of(&first));
        }
    }
    let words = mentions::words(question);
    (1..=MAX_WORDS)
        .contains(&words.len())
        .then(|| mentions::items(&words, vocabulary))
}
