//! Turns uploaded files into one database file that was written here.

mod csv;
mod sqlite;
mod values;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, limits::Limit};
use serde::{Deserialize, Serialize};

use crate::{Catalog, Refusal, connection::quoted, inspect, query::refusal};

/// Maximum number of tables of a database.
const MAX_TABLES: usize = 500;
/// Maximum number of columns of a table.
const MAX_COLUMNS: usize = 200;
/// Maximum number of columns of all tables together: what is known of each is held in memory.
const MAX_ALL_COLUMNS: i64 = 10_000;
/// Longest name of a table or column, in characters.
const MAX_NAME: usize = 64;
/// Longest name of a column that a database brings with it, in bytes.
pub(crate) const MAX_COLUMN_NAME: usize = 128;

/// The format of an uploaded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A table as comma-separated values (RFC 4180), with a row of names.
    Csv,
    /// A `SQLite` database.
    Sqlite,
}

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name at the client, after which a table is named.
    pub name: String,
    /// Its format.
    pub kind: FileKind,
}

/// A column to create.
pub(crate) struct NewColumn {
    pub(crate) name: String,
    pub(crate) declaration: String,
    pub(crate) not_null: bool,
}

/// Creates the file `target` with the tables of all files, and returns what it contains.
pub(crate) fn import(files: &[ImportFile], target: &Path, heap_bytes: u64) -> Result<Catalog, Refusal> {
    let fault = |error: rusqlite::Error| refusal(&error);
    let mut database = create(target).map_err(fault)?;
    let mut names = Names::default();
    for file in files {
        match file.kind {
            FileKind::Csv => csv::import(file, &mut database, &mut names)?,
            FileKind::Sqlite => sqlite::import(file, &mut database, &mut names, heap_bytes)?,
        }
    }
    if names.0.is_empty() {
        return Err(Refusal::new("empty", "The file contains no tables."));
    }
    check_columns(&database)?;
    index_references(&database).map_err(fault)?;
    inspect::catalog(&database).map_err(fault)
}

fn check_columns(database: &Connection) -> Result<(), Refusal> {
    let sql = "SELECT count(*) FROM sqlite_schema AS t, pragma_table_info(t.name) WHERE t.type = 'table'";
    let count: i64 = database
        .query_row(sql, [], |row| row.get(0))
        .map_err(|error| refusal(&error))?;
    if count > MAX_ALL_COLUMNS {
        let detail = format!(
            "The tables have more than {MAX_ALL_COLUMNS} columns together. Upload those that questions are about."
        );
        return Err(Refusal::new("too_large", detail));
    }
    Ok(())
}

/// Creates a database whose bytes depend on nothing but what is written to it.
pub(crate) fn create(target: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(target, flags)?;
    database.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // A file that is not finished is thrown away, so nothing has to survive a crash.
    database.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    database.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;")?;
    Ok(database)
}

/// Creates an index for each reference, so that joins do not compare every row with every other.
pub(crate) fn index_references(database: &Connection) -> rusqlite::Result<()> {
    let catalog = inspect::catalog(database)?;
    let mut number = 0;
    for table in &catalog.tables {
        let columns: HashSet<&String> = (table.foreign_keys.iter())
            .filter_map(|key| key.columns.first())
            .filter(|column| table.primary_key.first() != Some(column))
            .collect();
        let mut columns: Vec<&String> = columns.into_iter().collect();
        columns.sort();
        for column in columns {
            // No table may have the name of an index.
            let index = loop {
                number += 1;
                let name = format!("reference_{number}");
                if !catalog
                    .tables
                    .iter()
                    .any(|table| table.name.eq_ignore_ascii_case(&name))
                {
                    break quoted(&name);
                }
            };
            let (table, column) = (quoted(&table.name), quoted(column));
            database.execute_batch(&format!("CREATE INDEX {index} ON {table} ({column})"))?;
        }
    }
    Ok(())
}

/// The names that tables have already.
#[derive(Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// Returns a name for a table that none has yet.
    pub(crate) fn unique(&mut self, wanted: &str) -> Result<String, Refusal> {
        if self.0.len() >= MAX_TABLES {
            let detail =
                format!("The database has more than {MAX_TABLES} tables. Upload those that questions are about.");
            return Err(Refusal::new("too_large", detail));
        }
        Ok(unique(wanted, &mut self.0))
    }
}

/// Returns the name, or the name with the first number that makes it unique, whatever its case.
fn unique(wanted: &str, taken: &mut HashSet<String>) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while !taken.insert(name.to_lowercase()) {
        name = format!("{wanted}_{number}");
        number += 1;
    }
    name
}

/// Returns text as a name that needs no quotes in most languages: letters, digits and underscores.
fn identifier(text: &str, otherwise: &str) -> String {
    let mut name = String::new();
    for character in text.trim().chars() {
        if character.is_alphanumeric() {
            name.push(character);
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    let name: String = name.trim_end_matches('_').chars().take(MAX_NAME).collect();
    match name.chars().next() {
        None => otherwise.to_owned(),
        Some(first) if first.is_numeric() => format!("_{name}"),
        Some(_) if name.to_lowercase().starts_with("sqlite_") => format!("_{name}"),
        Some(_) => name,
    }
}

/// Creates a table.
fn create_table(
    database: &Connection,
    table: &str,
    columns: &[NewColumn],
    primary_key: &[String],
    constraints: &[String],
) -> Result<(), Refusal> {
    if columns.len() > MAX_COLUMNS {
        let detail =
            format!("The table `{table}` has more than {MAX_COLUMNS} columns. Upload those that questions are about.");
        return Err(Refusal::new("too_large", detail));
    }
    if columns.iter().any(|column| column.name.len() > MAX_COLUMN_NAME) {
        let detail = format!(
            "A column of the table `{table}` has a name of more than {MAX_COLUMN_NAME} bytes. Give it a shorter one."
        );
        return Err(Refusal::new("too_large", detail));
    }
    let columns = columns.iter().map(|column| {
        let not_null = if column.not_null { " NOT NULL" } else { "" };
        format!("{} {}{not_null}", quoted(&column.name), column.declaration)
    });
    let key: Vec<String> = primary_key.iter().map(|name| quoted(name)).collect();
    let key = (!key.is_empty()).then(|| format!("PRIMARY KEY ({})", key.join(", ")));
    let parts: Vec<String> = columns.chain(key).chain(constraints.iter().cloned()).collect();
    let sql = format!("CREATE TABLE {} ({})", quoted(table), parts.join(", "));
    database.execute_batch(&sql).map_err(|error| refusal(&error))
}

/// Returns the statement that inserts a row.
fn insertion(table: &str, columns: usize) -> String {
    let values = vec!["?"; columns].join(", ");
    format!("INSERT INTO {} VALUES ({values})", quoted(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_quotes() {
        for (text, expected) in [
            ("Order Date", "Order_Date"),
            (" Größe (cm) ", "Größe_cm"),
            ("2024", "_2024"),
            ("--", "column_1"),
            ("sqlite_master", "_sqlite_master"),
            ("a\u{0}b\"c", "a_b_c"),
        ] {
            assert_eq!(identifier(text, "column_1"), expected);
        }
    }

    #[test]
    fn a_repeated_name_is_numbered() {
        let mut taken = HashSet::new();
        let names: Vec<String> = ["a", "A", "a_2"].iter().map(|name| unique(name, &mut taken)).collect();
        assert_eq!(names, ["a", "A_2", "a_2_2"]);
    }
}
