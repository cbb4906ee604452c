//! Queries: what they return, up to their limits.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Row, types::ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ColumnType, Refusal, connection};

/// What a query may return, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLimits {
    /// Maximum number of rows.
    pub max_rows: usize,
    /// Maximum size of all rows as JSON, in bytes.
    pub max_bytes: usize,
    /// Time of the whole query.
    pub deadline: Duration,
}

/// The rows of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultSet {
    /// In their order; names may repeat.
    pub columns: Vec<ResultColumn>,
    /// A value for each column.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more rows.
    pub truncated: bool,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ResultColumn {
    /// Its name; names may repeat.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

/// What is known of a query that is not executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The names of its columns.
    pub columns: Vec<String>,
}

/// Compiles a query without executing it.
pub(crate) fn describe(connection: &Connection, sql: &str) -> Result<Description, Refusal> {
    let statement = connection.prepare(sql).map_err(|error| refusal(&error))?;
    let columns = statement.column_names().into_iter().map(str::to_owned).collect();
    Ok(Description { columns })
}

/// Executes a query, whose tables the connection already knows.
pub(crate) fn execute(connection: &Connection, sql: &str, limits: &QueryLimits) -> Result<ResultSet, Refusal> {
    let mut statement = connection.prepare(sql).map_err(|error| refusal(&error))?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut seen = vec![Seen::default(); names.len()];
    let mut found = statement.query([]).map_err(|error| refusal(&error))?;
    let (mut rows, mut bytes, mut truncated) = (Vec::new(), 0, false);
    while let Some(row) = found.next().map_err(|error| refusal(&error))? {
        let (values, size) = read(row, &mut seen)?;
        bytes += size;
        if rows.len() >= limits.max_rows || bytes > limits.max_bytes {
            truncated = true;
            break;
        }
        rows.push(values);
    }
    let columns = names.into_iter().zip(seen).map(|(name, seen)| ResultColumn {
        name,
        column_type: seen.column_type(),
    });
    Ok(ResultSet {
        columns: columns.collect(),
        rows,
        truncated,
    })
}

/// Returns the values of a row and their size as JSON, roughly.
fn read(row: &Row<'_>, seen: &mut [Seen]) -> Result<(Vec<Value>, usize), Refusal> {
    let (mut values, mut size) = (Vec::with_capacity(seen.len()), 2);
    for (index, seen) in seen.iter_mut().enumerate() {
        let value = row.get_ref(index).map_err(|error| refusal(&error))?;
        seen.note(value);
        let (value, bytes) = shown(value);
        values.push(value);
        size += bytes + 1;
    }
    Ok((values, size))
}

/// Returns a value as JSON, and its size. Bytes are shown in hexadecimal.
pub(crate) fn shown(value: ValueRef<'_>) -> (Value, usize) {
    match value {
        ValueRef::Null => (Value::Null, 4),
        ValueRef::Integer(number) => (number.into(), 8),
        // JSON has no infinite numbers.
        ValueRef::Real(number) => (
            serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number),
            12,
        ),
        ValueRef::Text(text) => (String::from_utf8_lossy(text).into(), text.len() + 2),
        ValueRef::Blob(bytes) => {
            let mut hex = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                hex.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
            }
            let size = hex.len() + 2;
            (hex.into(), size)
        }
    }
}

/// Which kinds of values a column had.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each kind of value")]
pub(crate) struct Seen {
    integer: bool,
    real: bool,
    date: bool,
    datetime: bool,
    text: bool,
    blob: bool,
}

impl Seen {
    pub(crate) fn note(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(_) => self.integer = true,
            ValueRef::Real(_) => self.real = true,
            ValueRef::Blob(_) => self.blob = true,
            ValueRef::Text(text) => match time_of(text) {
                Some(ColumnType::Date) => self.date = true,
                Some(_) => self.datetime = true,
                None => self.text = true,
            },
        }
    }

    /// Returns the type that all values have.
    pub(crate) fn column_type(self) -> ColumnType {
        let is_number = self.integer || self.real;
        let is_time = self.date || self.datetime;
        match (is_number, is_time || self.text, self.blob) {
            (true, false, false) if self.real => ColumnType::Real,
            (true, false, false) => ColumnType::Integer,
            (false, true, false) if self.text => ColumnType::Text,
            (false, true, false) if self.datetime && self.date => ColumnType::Text,
            (false, true, false) if self.datetime => ColumnType::Datetime,
            (false, true, false) => ColumnType::Date,
            (false, false, true) => ColumnType::Blob,
            _ => ColumnType::Unknown,
        }
    }
}

/// Returns the type of a text that is a day or a moment.
fn time_of(text: &[u8]) -> Option<ColumnType> {
    let matches = |pattern: &[u8], text: &[u8]| {
        let of = |(wanted, is): (&u8, &u8)| match wanted {
            b'0' => is.is_ascii_digit(),
            b' ' => matches!(is, b' ' | b'T'),
            wanted => is == wanted,
        };
        pattern.len() == text.len() && pattern.iter().zip(text).all(of)
    };
    let day = text.get(..10).filter(|day| matches(b"0000-00-00", day))?;
    match text.get(day.len()..)? {
        [] => Some(ColumnType::Date),
        time if matches(b" 00:00", time.get(..6)?) => Some(ColumnType::Datetime),
        _ => None,
    }
}

/// Returns why a query did not end.
pub(crate) fn refusal(error: &rusqlite::Error) -> Refusal {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => {
            let detail = "The query took too long. Limit it to fewer rows, or join fewer tables.";
            Refusal::new("timed_out", detail)
        }
        Some(ErrorCode::OutOfMemory | ErrorCode::TooBig | ErrorCode::DiskFull) => {
            let detail = "The query needs too much memory. Limit it to fewer rows or columns.";
            Refusal::new("too_large", detail)
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Refusal::new("damaged", "The file is not a SQLite database, or is damaged.")
        }
        _ => Refusal::new("sql_error", sentence(error)),
    }
}

/// The library's reason, without the text of the query, which the caller knows.
fn sentence(error: &rusqlite::Error) -> String {
    let reason = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    format!("The database rejects the query: {}.", reason.trim_end_matches('.'))
}

/// Opens a file and returns a connection that can only read these tables until the deadline.
pub(crate) fn reader(
    file: &std::path::Path,
    tables: Vec<String>,
    heap_bytes: u64,
    deadline: Instant,
) -> Result<Connection, Refusal> {
    let opened = connection::open(file, heap_bytes).map_err(|error| refusal(&error))?;
    connection::end_at(&opened, deadline);
    connection::only_read(&opened, tables).map_err(|error| refusal(&error))?;
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_the_type_that_all_of_its_values_have() {
        let of = |values: &[ValueRef<'_>]| {
            let mut seen = Seen::default();
            for value in values {
                seen.note(*value);
            }
            seen.column_type()
        };
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        assert_eq!(of(&[ValueRef::Null]), ColumnType::Unknown);
        assert_eq!(of(&[ValueRef::Integer(1), ValueRef::Null]), ColumnType::Integer);
        assert_eq!(of(&[ValueRef::Integer(1), ValueRef::Real(0.5)]), ColumnType::Real);
        assert_eq!(of(&[ValueRef::Integer(1), text("one")]), ColumnType::Unknown);
        assert_eq!(of(&[text("2026-11-30"), text("2026-12-01")]), ColumnType::Date);
        assert_eq!(of(&[text("2026-11-30 18:05:00")]), ColumnType::Datetime);
        assert_eq!(of(&[text("2026-11-30"), text("soon")]), ColumnType::Text);
        assert_eq!(of(&[text("2026-11")]), ColumnType::Text);
        assert_eq!(of(&[ValueRef::Blob(&[1])]), ColumnType::Blob);
    }
}
