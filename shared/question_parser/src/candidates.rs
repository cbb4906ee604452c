//! What a question could mean equally, and which of it was chosen.

use crate::{Schema, joins::Place};

/// A table or column that a question could mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate {
    Table(usize),
    Column(Place),
}

impl Candidate {
    /// Returns the name by which it is chosen: `orders`, or `customers.country`.
    pub(crate) fn value(self, schema: &Schema) -> Option<String> {
        match self {
            Self::Table(table) => Some(schema.tables.get(table)?.name.clone()),
            Self::Column(place) => {
                let table = schema.tables.get(place.table)?;
                Some(format!("{}.{}", table.name, table.columns.get(place.column)?.name))
            }
        }
    }

    /// Returns how people call it.
    pub(crate) fn label(self, schema: &Schema) -> Option<String> {
        let spoken = |name: &str| name.replace('_', " ");
        match self {
            Self::Table(table) => Some(spoken(&schema.tables.get(table)?.name)),
            Self::Column(place) => {
                let table = schema.tables.get(place.table)?;
                let column = spoken(&table.columns.get(place.column)?.name);
                Some(format!("{column} of {}", spoken(&table.name)))
            }
        }
    }

    /// Returns whether it was chosen. A column of a table chooses the table, too.
    pub(crate) fn is_among(self, choices: &[String], schema: &Schema) -> bool {
        let names = [self.value(schema), self.label(schema)];
        let is_named = |choice: &str| names.iter().flatten().any(|name| name.eq_ignore_ascii_case(choice));
        choices.iter().map(|choice| choice.trim()).any(|choice| {
            let table = choice.split_once('.').map(|(table, _)| table);
            is_named(choice) || (matches!(self, Self::Table(_)) && table.is_some_and(is_named))
        })
    }
}
