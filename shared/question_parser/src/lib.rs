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

mod choose;
mod clauses;
mod joins;
mod mentions;
mod periods;
mod suggest;
#[cfg(test)]
mod tests;

pub use suggest::suggest;

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

/// Longest question, in words.
const MAX_WORDS: usize = 40;

/// Returns the query of a question; `None` unless all of it is understood.
pub fn parse(question: &str, schema: &Schema) -> Option<Parsed> {
    let words = mentions::words(question);
    if words.is_empty() || words.len() > MAX_WORDS {
        return None;
    }
    let items = mentions::items(&words, schema);
    let asked = clauses::read(&items, schema)?;
    choose::query(&asked, schema)
}
