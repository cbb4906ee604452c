//! The cells of a sheet, as lines of a table.

use std::collections::BTreeSet;

use super::super::package::TextBudget;
use super::super::table;
use super::super::xml::{Event, Failure, Xml};
use super::{Workbook, format};

/// Excel's own limits.
const MAX_COLUMNS: usize = 16_384;
const MAX_ROWS: usize = 1_048_576;
/// More merged ranges than this are read without what they repeat.
const MAX_MERGED: usize = 10_000;
/// How many rows are looked at for what merged cells repeat in them.
const MAX_REPEATED: usize = 1_000_000;

/// A row with its number and its cells that are not empty, by column.
struct Row {
    number: usize,
    cells: Vec<(usize, String)>,
}

/// Returns one line per row. Columns that are empty in all rows are left out.
pub(super) fn read(xml: &mut Xml<'_>, workbook: &Workbook, budget: &mut TextBudget) -> Result<String, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    let mut merged = Vec::new();
    let mut cell = Cell::default();
    let mut in_value = false;
    let mut next_row = 1;
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { tag, is_empty } => match tag.local_name().as_ref() {
                "row" => {
                    let number = event.attribute("r").and_then(|number| number.parse().ok());
                    let number = number.filter(|number| *number <= MAX_ROWS).unwrap_or(next_row);
                    next_row = number + 1;
                    rows.pop_if(|row| row.cells.is_empty());
                    rows.push(Row {
                        number,
                        cells: Vec::new(),
                    });
                    cell = Cell::default();
                }
                "c" => {
                    let column = event
                        .attribute("r")
                        .and_then(|reference| position(&reference))
                        .map(|(column, _)| column);
                    cell = Cell {
                        column: column.unwrap_or(cell.column + usize::from(cell.is_open)),
                        kind: event.attribute("t").unwrap_or_default(),
                        style: event.attribute("s").and_then(|style| style.parse().ok()),
                        text: String::new(),
                        is_open: true,
                    };
                }
                "v" | "t" => in_value = !is_empty,
                "mergeCell" if merged.len() < MAX_MERGED => {
                    merged.extend(event.attribute("ref").and_then(|range| rows_of(&range)));
                }
                _ => {}
            },
            Event::Text(text) if in_value => {
                budget.spend(text.len())?;
                cell.text.push_str(text);
            }
            Event::Text(_) => {}
            Event::End(tag) => match tag.local_name().as_ref() {
                "v" | "t" => in_value = false,
                "c" => {
                    let shown = cell.shown(workbook);
                    if let Some(row) = rows
                        .last_mut()
                        .filter(|_| !shown.trim().is_empty() && cell.column < MAX_COLUMNS)
                    {
                        budget.spend(shown.len().saturating_sub(cell.text.len()))?;
                        row.cells.push((cell.column, shown));
                    }
                }
                // What follows are pictures and comments.
                "sheetData" => rows.retain(|row| !row.cells.is_empty()),
                _ => {}
            },
        }
    }
    repeat_merged(&mut rows, &merged, budget)?;
    lines(&rows, budget)
}

#[derive(Default)]
struct Cell {
    column: usize,
    kind: String,
    style: Option<usize>,
    text: String,
    is_open: bool,
}

impl Cell {
    /// Returns the cell's text as Excel shows it.
    fn shown(&self, workbook: &Workbook) -> String {
        match self.kind.as_str() {
            "s" => {
                let index = self.text.trim().parse().ok();
                index
                    .and_then(|index| workbook.strings.get(index))
                    .unwrap_or_default()
                    .to_owned()
            }
            "b" => if self.text.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(),
            "" | "n" => match self.text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    format::number(number, workbook.styles.format(self.style), workbook.is_1904)
                }
                _ => self.text.clone(),
            },
            _ => self.text.clone(),
        }
    }
}

/// Returns column and row of a reference such as `AB12`, counted from 0 and 1.
fn position(reference: &str) -> Option<(usize, usize)> {
    let digits = reference.find(|c: char| c.is_ascii_digit())?;
    let (letters, number) = reference.split_at(digits);
    let mut column = 0_usize;
    for letter in letters.bytes() {
        let value = letter
            .to_ascii_uppercase()
            .checked_sub(b'A')
            .filter(|value| *value < 26)?;
        column = column * 26 + usize::from(value) + 1;
        if column > MAX_COLUMNS {
            return None;
        }
    }
    Some((column.checked_sub(1)?, number.parse().ok()?))
}

/// Cells that are merged over several rows.
struct Merged {
    column: usize,
    first: usize,
    last: usize,
}

fn rows_of(range: &str) -> Option<Merged> {
    let (from, to) = range.split_once(':')?;
    let ((column, first), (_, last)) = (position(from)?, position(to)?);
    (last > first).then_some(Merged { column, first, last })
}

/// Repeats the text of vertically merged cells in each of their rows.
fn repeat_merged(rows: &mut [Row], merged: &[Merged], budget: &mut TextBudget) -> Result<(), Failure> {
    let mut left = MAX_REPEATED;
    for range in merged {
        let start = rows.partition_point(|row| row.number < range.first);
        let Some((first, rest)) = rows.get_mut(start..).and_then(<[Row]>::split_first_mut) else {
            continue;
        };
        let text = first
            .cells
            .iter()
            .find(|(column, _)| *column == range.column)
            .map(|(_, text)| text);
        let Some(text) = text.filter(|_| first.number == range.first) else {
            continue;
        };
        for row in rest.iter_mut().take_while(|row| row.number <= range.last) {
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(());
            }
            if row.cells.iter().all(|(column, _)| *column != range.column) {
                budget.spend(text.len() + 1)?;
                row.cells.push((range.column, text.clone()));
            }
        }
    }
    Ok(())
}

fn lines(rows: &[Row], budget: &mut TextBudget) -> Result<String, Failure> {
    let used: BTreeSet<usize> = rows
        .iter()
        .flat_map(|row| row.cells.iter().map(|(column, _)| *column))
        .collect();
    let used: Vec<usize> = used.into_iter().collect();
    let mut text = String::new();
    for row in rows {
        let last = row.cells.iter().map(|(column, _)| *column).max().unwrap_or(0);
        let width = used.partition_point(|column| *column <= last);
        budget.spend(3 * width)?;
        let mut cells = vec![""; width];
        for (column, value) in &row.cells {
            if let Some(cell) = cells.get_mut(used.partition_point(|other| other < column)) {
                *cell = value;
            }
        }
        if let Some(line) = table::row(&cells) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line);
        }
    }
    Ok(text)
}
