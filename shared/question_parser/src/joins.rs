//! Columns that a question mentions, and the tables that are joined for them.

use crate::{
    Column, Schema, Table, Work, candidates::Candidate, choose::quoted, mentions::Meaning, vocabulary::Vocabulary,
};

/// How many references are followed from the table of a question.
const MAX_STEPS: usize = 2;

/// A column of a table of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) table: usize,
    pub(crate) column: usize,
}

/// A query that is being written.
pub(crate) struct Writer<'a> {
    pub(crate) vocabulary: &'a Vocabulary,
    /// What was chosen where the question was unclear.
    pub(crate) choices: &'a [String],
    pub(crate) work: &'a Work,
    pub(crate) base: usize,
    /// Tables by the number of references that lead to them.
    pub(crate) levels: Vec<Vec<usize>>,
    /// Tables that are joined, each with its condition. The first one is the base, without one.
    pub(crate) joined: Vec<(usize, String)>,
    pub(crate) conditions: Vec<String>,
    pub(crate) reading: String,
    /// What the question could mean equally, if that is why it was not understood.
    pub(crate) unclear: Vec<Candidate>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(vocabulary: &'a Vocabulary, choices: &'a [String], work: &'a Work, base: usize) -> Self {
        Self {
            vocabulary,
            choices,
            work,
            base,
            levels: levels(vocabulary, base),
            joined: vec![(base, String::new())],
            conditions: Vec::new(),
            reading: String::new(),
            unclear: Vec::new(),
        }
    }

    pub(crate) fn schema(&self) -> &'a Schema {
        &self.vocabulary.schema
    }

    /// Returns the column of the base that says when, if there is one or one was chosen.
    pub(crate) fn only_time(&mut self) -> Option<Place> {
        let base = self.base;
        let columns = self.table(base)?.columns.iter().enumerate();
        let times = columns
            .filter(|(_, column)| column.kind == crate::Kind::Time)
            .map(|(column, _)| Place { table: base, column });
        self.one_of(times.collect())
    }

    /// Returns the one column that is meant: of the base if it has one, else of the nearest tables that it refers to.
    pub(crate) fn resolve(&mut self, meanings: &[Meaning], fits: impl Fn(&Column) -> bool) -> Option<Place> {
        for level in 0..self.levels.len() {
            self.work.spend(meanings.len())?;
            let near = self.levels.get(level)?;
            let found = meanings.iter().filter_map(|meaning| match meaning {
                Meaning::Column(table, column) if near.contains(table) => Some(Place {
                    table: *table,
                    column: *column,
                }),
                _ => None,
            });
            let found: Vec<Place> = found.filter(|place| self.column(place).is_some_and(&fits)).collect();
            if !found.is_empty() {
                return self.one_of(found);
            }
        }
        None
    }

    /// Returns the only one, or the one that was chosen.
    fn one_of(&mut self, mut found: Vec<Place>) -> Option<Place> {
        if found.len() > 1 {
            let is_chosen = |place: &Place| Candidate::Column(*place).is_among(self.choices, self.schema());
            let chosen: Vec<Place> = found.iter().copied().filter(is_chosen).collect();
            if chosen.len() != 1 {
                self.unclear = found.into_iter().map(Candidate::Column).collect();
                return None;
            }
            found = chosen;
        }
        found.pop()
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
        let distance = self.levels.iter().position(|level| level.contains(&table))?;
        let before = self.levels.get(distance.checked_sub(1)?)?;
        let mut ways = Vec::new();
        for from in before {
            let references = self.vocabulary.references(*from);
            self.work.spend(references.len())?;
            ways.extend(
                references
                    .iter()
                    .filter(|(_, to)| *to == table)
                    .map(|(at, _)| (*from, *at)),
            );
        }
        let [(from, at)] = ways.as_slice() else {
            return None;
        };
        let left = self.join(*from)?;
        let alias = self.joined.len();
        let reference = self.table(*from)?.references.get(*at)?;
        let condition = format!(
            "t{left}.{} = t{alias}.{}",
            quoted(&reference.column),
            quoted(&reference.key)
        );
        self.joined.push((table, condition));
        Some(alias)
    }

    pub(crate) fn table(&self, index: usize) -> Option<&'a Table> {
        self.schema().tables.get(index)
    }

    pub(crate) fn column(&self, place: &Place) -> Option<&'a Column> {
        self.table(place.table)?.columns.get(place.column)
    }
}

/// Returns the tables that no, one, two ... references lead to, each where it comes first.
fn levels(vocabulary: &Vocabulary, base: usize) -> Vec<Vec<usize>> {
    let mut seen = std::collections::HashSet::from([base]);
    let mut levels = vec![vec![base]];
    for _ in 0..MAX_STEPS {
        let last = levels.last().into_iter().flatten();
        let next = last.flat_map(|table| vocabulary.references(*table));
        let next: Vec<usize> = next.map(|(_, to)| *to).filter(|to| seen.insert(*to)).collect();
        levels.push(next);
    }
    levels
}
