//! Tables: every cell in its column, with the text of merged cells in each of their rows.

use std::collections::HashMap;

use super::super::package::TextBudget;
use super::super::table;
use super::super::xml::Failure;

/// Word's own limit of columns.
const MAX_COLUMNS: usize = 63;

/// The open tables, innermost last.
#[derive(Default)]
pub(super) struct Tables {
    open: Vec<Table>,
}

#[derive(Default)]
struct Table {
    row: Option<Row>,
    /// The text of the last vertically merged cell that began in a column.
    merged: HashMap<usize, String>,
}

#[derive(Default)]
struct Row {
    cells: Vec<Cell>,
    /// Columns before the first cell.
    skipped: usize,
    is_deleted: bool,
}

#[derive(Default)]
struct Cell {
    blocks: Vec<String>,
    columns: usize,
    merge: Merge,
}

#[derive(Default, PartialEq, Eq)]
enum Merge {
    #[default]
    No,
    Begins,
    Continues,
}

impl Tables {
    pub(super) fn is_in_cell(&self) -> bool {
        self.cell().is_some()
    }

    fn cell(&self) -> Option<&Cell> {
        self.open
            .iter()
            .rev()
            .find_map(|table| table.row.as_ref()?.cells.last())
    }

    fn row_mut(&mut self) -> Option<&mut Row> {
        self.open.last_mut()?.row.as_mut()
    }

    pub(super) fn begin_table(&mut self) {
        self.open.push(Table::default());
    }

    pub(super) fn end_table(&mut self) {
        self.open.pop();
    }

    pub(super) fn begin_row(&mut self) {
        if self.open.is_empty() {
            self.begin_table();
        }
        if let Some(table) = self.open.last_mut() {
            table.row = Some(Row::default());
        }
    }

    pub(super) fn begin_cell(&mut self) {
        if let Some(row) = self.row_mut() {
            row.cells.push(Cell {
                columns: 1,
                ..Cell::default()
            });
        }
    }

    pub(super) fn delete_row(&mut self) {
        if let Some(row) = self.row_mut() {
            row.is_deleted = true;
        }
    }

    /// Handles a property of the row or the cell.
    pub(super) fn property(&mut self, name: &str, value: Option<&str>) {
        let Some(row) = self.row_mut() else { return };
        let columns = || {
            value
                .and_then(|value| value.parse().ok())
                .unwrap_or(1_usize)
                .min(MAX_COLUMNS)
        };
        match (name, row.cells.last_mut()) {
            ("gridBefore", None) => row.skipped = columns(),
            ("gridSpan", Some(cell)) => cell.columns = columns().max(1),
            ("vMerge", Some(cell)) => {
                cell.merge = if value == Some("restart") {
                    Merge::Begins
                } else {
                    Merge::Continues
                };
            }
            _ => {}
        }
    }

    /// Adds a block of text to the open cell; returns it if there is none.
    pub(super) fn push<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let cell = self
            .open
            .iter_mut()
            .rev()
            .find_map(|table| table.row.as_mut()?.cells.last_mut());
        let Some(cell) = cell else { return Some(text) };
        cell.blocks.push(text.to_owned());
        None
    }

    /// Ends the row and returns its lines: one, or the paragraphs of its only cell.
    pub(super) fn end_row(&mut self, budget: &mut TextBudget) -> Result<Vec<String>, Failure> {
        let Some(table) = self.open.last_mut() else {
            return Ok(Vec::new());
        };
        let Some(mut row) = table.row.take().filter(|row| !row.is_deleted) else {
            return Ok(Vec::new());
        };
        // A table of one column is a frame around its text.
        if row.skipped == 0
            && let [only] = row.cells.as_mut_slice()
            && only.merge == Merge::No
        {
            return Ok(std::mem::take(&mut only.blocks));
        }
        let mut columns = vec![String::new(); row.skipped];
        for cell in row.cells {
            let at = columns.len();
            let own = cell.blocks.join(" ");
            let text = match cell.merge {
                Merge::Continues if own.is_empty() => table.merged.get(&at).cloned().unwrap_or_default(),
                Merge::Begins => {
                    table.merged.insert(at, own.clone());
                    own
                }
                Merge::No | Merge::Continues => {
                    table.merged.remove(&at);
                    own
                }
            };
            budget.spend(text.len() + 3 * cell.columns)?;
            columns.push(text);
            columns.resize(at + cell.columns, String::new());
        }
        Ok(table::row(&columns).into_iter().collect())
    }
}
