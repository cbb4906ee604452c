//! The tables of a `SQLite` file. Views, triggers, virtual tables and indexes stay behind.

use std::collections::HashMap;

use rusqlite::{
    Connection, params_from_iter,
    types::{Value, ValueRef},
};

use super::{ImportFile, MAX_COLUMN_NAME, Names, NewColumn, create_table, identifier, insertion};
use crate::{
    ColumnType, Refusal,
    connection::{self, quoted, table_names},
    inspect,
    query::refusal,
};

/// The first bytes of a file (<https://www.sqlite.org/fileformat.html#the_database_header>).
const MAGIC: &[u8] = b"SQLite format 3\0";

pub(super) fn import(
    file: &ImportFile,
    database: &mut Connection,
    names: &mut Names,
    heap_bytes: u64,
) -> Result<(), Refusal> {
    check(file)?;
    let fault = |error: rusqlite::Error| refusal(&error);
    let source = connection::open(&file.path, heap_bytes).map_err(fault)?;
    let tables = table_names(&source).map_err(fault)?;
    let mut renamed = HashMap::new();
    for table in &tables {
        renamed.insert(table.to_lowercase(), names.unique(&identifier(table, "table"))?);
    }
    let target = database.transaction().map_err(fault)?;
    for table in &tables {
        if let Some(name) = renamed.get(&table.to_lowercase()) {
            copy(&source, table, &target, name, &renamed)?;
        }
    }
    target.commit().map_err(fault)
}

fn check(file: &ImportFile) -> Result<(), Refusal> {
    use std::io::Read as _;

    let mut head = Vec::new();
    let read = std::fs::File::open(&file.path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head));
    if read.is_ok() && head == MAGIC {
        return Ok(());
    }
    let detail = format!("`{}` is not a SQLite database.", file.name);
    Err(Refusal::new("damaged", detail))
}

fn copy(
    source: &Connection,
    table: &str,
    target: &Connection,
    name: &str,
    renamed: &HashMap<String, String>,
) -> Result<(), Refusal> {
    let fault = |error: rusqlite::Error| refusal(&error);
    let declared = inspect::declared(source, table).map_err(fault)?;
    let columns: Vec<NewColumn> = (declared.iter())
        .map(|column| NewColumn {
            name: column.name.clone(),
            declaration: declaration(&column.declaration),
            not_null: column.not_null,
        })
        .collect();
    let key = inspect::primary_key(&declared);
    let references = inspect::foreign_keys(source, table).map_err(fault)?;
    let references: Vec<String> = references
        .iter()
        .filter_map(|reference| {
            let other = renamed.get(&reference.references_table.to_lowercase())?;
            let mut names = reference.columns.iter().chain(&reference.references_columns);
            if names.any(|name| name.len() > MAX_COLUMN_NAME) {
                return None;
            }
            let list = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
            let (own, others) = (list(&reference.columns), list(&reference.references_columns));
            Some(format!("FOREIGN KEY ({own}) REFERENCES {} ({others})", quoted(other)))
        })
        .collect();
    create_table(target, name, &columns, &key, &references)?;
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let sql = format!("SELECT {} FROM {}", names.join(", "), quoted(table));
    let mut rows = source.prepare(&sql).map_err(fault)?;
    let mut rows = rows.query([]).map_err(fault)?;
    let mut insert = target.prepare(&insertion(name, columns.len())).map_err(fault)?;
    while let Some(row) = rows.next().map_err(fault)? {
        let mut values = Vec::with_capacity(columns.len());
        for index in 0..columns.len() {
            values.push(match row.get_ref(index).map_err(fault)? {
                // Old applications store text in other encodings.
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                value => value.into(),
            });
        }
        insert.execute(params_from_iter(values)).map_err(fault)?;
    }
    Ok(())
}

/// Returns a declaration that means the same and contains nothing else: it came from the file.
fn declaration(declared: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || " (),".contains(character);
    let is_balanced = declared.matches('(').count() == declared.matches(')').count();
    let starts_as_word = declared.chars().next().is_some_and(|first| first.is_ascii_alphabetic());
    // At most `NAME NAME (10, 2)`: whatever is a clause has a word of its own.
    let words = declared.split_whitespace().count();
    let ends_as_type = declared
        .split_once('(')
        .is_none_or(|(_, rest)| rest.trim_end().ends_with(')') && !rest.contains('('));
    if starts_as_word
        && is_balanced
        && ends_as_type
        && words <= 3
        && declared.chars().all(is_plain)
        && declared.len() <= 40
    {
        let upper = declared.to_ascii_uppercase();
        let is_clause = [
            "CHECK",
            "DEFAULT",
            "COLLATE",
            "REFERENCES",
            "GENERATED",
            "CONSTRAINT",
            "UNIQUE",
            "PRIMARY",
            "NOT",
            "AS",
        ]
        .iter()
        .any(|word| {
            upper
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(|part| part == *word)
        });
        if !is_clause {
            return declared.to_owned();
        }
    }
    ColumnType::of_declaration(declared).declaration().to_owned()
}
