//! Questions that need no model.

use std::sync::Arc;

use domain::{Clarification, DataSourceKind, QueryChoice, QueryRecord, Result};
use question_parser::{Choice, Column, Kind, Reference, Schema, Table, Understanding, Vocabulary, suggest, understand};
use serde_json::Value;
use sql_engine::{ColumnType, ResultSet};

use super::{ask_back, checked, generate::Asked};
use crate::{App, data_sources::SourceSchema};

/// Number of questions that are suggested.
const SUGGESTIONS: usize = 3;

impl App {
    /// Answers a question without a model, or with a question if it could mean several things. Returns `None` unless every
    /// word of it is understood; the inner `None` is that of a question without rows.
    ///
    /// # Errors
    /// Returns an error if the cause is not the query.
    pub(super) async fn parse_question(
        &self,
        schema: &SourceSchema,
        asked: &Asked<'_>,
        execute: bool,
        record: &mut QueryRecord,
    ) -> Result<Option<Option<ResultSet>>> {
        // It writes the language of SQLite, in which comparisons and the order of missing values are others.
        if schema.source.kind == DataSourceKind::Postgres {
            return Ok(None);
        }
        let earlier: Vec<&str> = asked.earlier.iter().map(|earlier| earlier.question.as_str()).collect();
        let vocabulary = self.vocabulary(schema);
        let parsed = match understand(&asked.question, &earlier, &record.choices, &vocabulary) {
            Understanding::Query(parsed) => parsed,
            Understanding::Unclear(choices) => {
                ask_back(record, clarification(choices));
                return Ok(Some(None));
            }
            Understanding::Unknown => return Ok(None),
        };
        let Ok(checked) = checked(schema, &parsed.sql) else {
            return Ok(None);
        };
        let found = if execute {
            self.execute(&schema.source, &checked, record).await?.map(Some)
        } else {
            self.describe(&schema.source, &checked).await?.map(|_| None)
        };
        let Ok(found) = found else { return Ok(None) };
        record.sql = Some(checked.shown.sql);
        record.explanation = Some(format!("I read this as: {}", parsed.reading));
        Ok(Some(found))
    }
}

impl App {
    /// Returns questions that need no model, near one that does.
    pub(super) fn suggestions(&self, schema: &SourceSchema, question: &str) -> Vec<String> {
        if schema.source.kind == DataSourceKind::Postgres {
            return Vec::new();
        }
        suggest(question, &self.vocabulary(schema), SUGGESTIONS)
    }

    /// Returns what phrases mention of the tables, which is computed once.
    pub(super) fn vocabulary(&self, schema: &SourceSchema) -> Arc<Vocabulary> {
        let etag = schema.etag();
        if let Some(known) = self.data_files.vocabularies.get(&etag) {
            return known;
        }
        let vocabulary = Arc::new(Vocabulary::new(parser_schema(schema)));
        let bytes = vocabulary.bytes();
        self.data_files.vocabularies.note(etag, vocabulary.clone(), bytes);
        vocabulary
    }
}

/// Returns the question back for what a question could mean.
fn clarification(choices: Vec<Choice>) -> Clarification {
    let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
    let question = match labels.split_last() {
        Some((last, rest)) => format!("Which do you mean: {} or {last}?", rest.join(", ")),
        None => String::new(),
    };
    let choice = |choice: Choice| QueryChoice {
        value: choice.value,
        label: choice.label,
    };
    Clarification {
        question,
        choices: choices.into_iter().map(choice).collect(),
    }
}

fn parser_schema(schema: &SourceSchema) -> Schema {
    let tables = schema.catalog.tables.iter().map(|table| {
        let notes = schema.notes_on(&table.name);
        let references: Vec<Reference> = (table.foreign_keys.iter())
            .filter_map(
                |key| match (key.columns.as_slice(), key.references_columns.as_slice()) {
                    ([column], [other]) => Some(Reference {
                        column: column.clone(),
                        table: key.references_table.clone(),
                        key: other.clone(),
                    }),
                    _ => None,
                },
            )
            .collect();
        let is_key =
            |name: &String| table.primary_key.contains(name) || references.iter().any(|key| key.column == *name);
        let columns = table.columns.iter().map(|column| {
            let said = notes.and_then(|notes| notes.columns.get(&column.name));
            let is_sensitive = said.and_then(|said| said.sensitive).unwrap_or(column.sensitive);
            let kind = match column.column_type {
                _ if is_key(&column.name) => Kind::Other,
                ColumnType::Integer | ColumnType::Real => Kind::Number,
                ColumnType::Text => Kind::Text,
                ColumnType::Date | ColumnType::Datetime => Kind::Time,
                ColumnType::Boolean | ColumnType::Blob | ColumnType::Unknown => Kind::Other,
            };
            let values = column
                .values
                .iter()
                .filter_map(Value::as_str)
                .filter(|_| kind == Kind::Text && !is_sensitive);
            Column {
                name: column.name.clone(),
                synonyms: said.map(|said| said.synonyms.clone()).unwrap_or_default(),
                about: said.and_then(|said| said.description.clone()).unwrap_or_default(),
                kind,
                values: values.map(str::to_owned).collect(),
            }
        });
        Table {
            name: table.name.clone(),
            synonyms: notes.map(|notes| notes.synonyms.clone()).unwrap_or_default(),
            about: notes.and_then(|notes| notes.description.clone()).unwrap_or_default(),
            columns: columns.collect(),
            key: table.primary_key.clone(),
            references,
        }
    });
    Schema {
        tables: tables.collect(),
    }
}
