//! Columns that a question mentions, and the tables that are joined for them.

use crate::{Column, Kind, Schema, Table, choose::quoted, mentions::Meaning};

/// How many references are followed from the table of a question.
const MAX_STEPS: usize = 2;

/// A column of a table of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) table: usize,
    pub(crate) column: usize,
}

/// A query that is being written.
pub(crate) struct Writer<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) base: usize,
    /// Tables that are joined, each with its condition. The first one is the base, without one.
    pub(crate) joined: Vec<(usize, String)>,
    pub(crate) conditions: Vec<String>,
    pub(crate) reading: String,
}

impl Writer<'_> {
    /// Returns the only column of the base that says when.
    pub(crate) fn only_time(&self) -> Option<Place> {
        let times: Vec<usize> = (self.table(self.base)?.columns.iter().enumerate())
            .filter(|(_, column)| column.kind == Kind::Time)
            .map(|(index, _)| index)
            .collect();
        match times.as_slice() {
            [column] => Some(Place {
                table: self.base,
                column: *column,
            }),
            _ => None,
        }
    }

    /// Returns the one column that is meant: of the base if it has one, else of the nearest tables that it refers to.
    pub(crate) fn resolve(&mut self, meanings: &[Meaning], fits: impl Fn(&Column) -> bool) -> Option<Place> {
        for steps in 0..=MAX_STEPS {
            let near: Vec<usize> = self.at_distance(steps);
            let found: Vec<Place> = meanings
                .iter()
                .filter_map(|meaning| match meaning {
                    Meaning::Column(table, column) if near.contains(table) => Some(Place {
                        table: *table,
                        column: *column,
                    }),
                    _ => None,
                })
                .filter(|place| self.column(place).is_some_and(&fits))
                .collect();
            match found.as_slice() {
                [] => {}
                [place] => return Some(place.clone()),
                _ => return None,
            }
        }
        None
    }

    /// Returns the tables that so many references lead to.
    fn at_distance(&self, steps: usize) -> Vec<usize> {
        let mut seen = vec![self.base];
        let mut level = vec![self.base];
        for _ in 0..steps {
            let mut next = Vec::new();
            for table in &level {
                for target in self.targets(*table) {
                    if !seen.contains(&target) {
                        seen.push(target);
                        next.push(target);
                    }
                }
            }
            level = next;
        }
        level
    }

    fn targets(&self, table: usize) -> Vec<usize> {
        let references = self
            .table(table)
            .map(|table| table.references.as_slice())
            .unwrap_or_default();
        references
            .iter()
            .filter_map(|reference| self.index_of(&reference.table))
            .collect()
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.schema
            .tables
            .iter()
            .position(|table| table.name.eq_ignore_ascii_case(name))
    }

    /// Returns a column as the query names it, and joins its table if need be.
    pub(crate) fn written(&mut self, place: &Place) -> Option<String> {
        let alias = self.join(place.table)?;
        Some(format!("t{alias}.{}", quoted(&self.column(place)?.name)))
    }

    /// Returns the number of the alias of a table. Only one way may lead to it.
    fn join(&mut self, table: usize) -> Option<usize> {
        if let Some(alias) = self.joined.iter().position(|(joined, _)| *joined == table) {
            return Some(alias);
        }
        let distance = (1..=MAX_STEPS).find(|steps| self.at_distance(*steps).contains(&table))?;
        let before = self.at_distance(distance - 1);
        let name = self.table(table)?.name.clone();
        let mut ways = Vec::new();
        for from in before {
            for reference in &self.table(from)?.references {
                if reference.table.eq_ignore_ascii_case(&name) {
                    ways.push((from, reference.clone()));
                }
            }
        }
        let [(from, reference)] = ways.as_slice() else {
            return None;
        };
        let left = self.join(*from)?;
        let alias = self.joined.len();
        let condition = format!(
            "t{left}.{} = t{alias}.{}",
            quoted(&reference.column),
            quoted(&reference.key)
        );
        self.joined.push((table, condition));
        Some(alias)
    }

    pub(crate) fn table(&self, index: usize) -> Option<&Table> {
        self.schema.tables.get(index)
    }

    pub(crate) fn column(&self, place: &Place) -> Option<&Column> {
        self.table(place.table)?.columns.get(place.column)
    }
}
