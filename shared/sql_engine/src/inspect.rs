//! Reads what a database contains.

use rusqlite::{Connection, types::ValueRef};
use serde_json::Value;

use crate::{
    Catalog, Column, ColumnType, ForeignKey, Table,
    connection::{quoted, table_names},
    keys,
    query::{Seen, shown},
};

/// A column has few values if it has at most this many.
const FEW_VALUES: usize = 30;
/// Longest value that is kept, in characters: longer ones are prose.
const MAX_VALUE: usize = 60;
/// Size of the values that are kept of all columns together, in bytes: a catalog is held in memory.
const MAX_ALL_VALUES: usize = 256 * 1024;
/// Maximum number of references of a table that are looked at.
const MAX_REFERENCES: usize = 100;
/// Number of rows from which the type of a column without a declared one is read.
const ROWS_FOR_TYPE: usize = 1_000;

/// Parts of the names of columns that hold what should not be shown without need.
const SENSITIVE: [&str; 24] = [
    "email",
    "e_mail",
    "phone",
    "mobile",
    "fax",
    "address",
    "street",
    "postal",
    "zip",
    "birth",
    "ssn",
    "social_security",
    "passport",
    "tax_id",
    "iban",
    "account_number",
    "card_number",
    "cvv",
    "salary",
    "wage",
    "password",
    "secret",
    "token",
    "api_key",
];

/// Returns whether a column of this name probably holds what should not be shown without need.
pub fn is_sensitive(name: &str) -> bool {
    let lower = name.to_lowercase();
    SENSITIVE.iter().any(|part| lower.contains(part))
}

/// Returns the catalog of a database that was created here.
pub(crate) fn catalog(connection: &Connection) -> rusqlite::Result<Catalog> {
    let names = table_names(connection)?;
    let mut left = MAX_ALL_VALUES;
    let tables = names.iter().map(|name| table(connection, name, &mut left));
    let mut catalog = Catalog {
        tables: tables.collect::<rusqlite::Result<_>>()?,
    };
    keys::infer(connection, &mut catalog)?;
    Ok(catalog)
}

/// A column as the database describes it.
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) declaration: String,
    pub(crate) not_null: bool,
    /// Its place in the primary key, from 1; 0 if it is not part of it.
    pub(crate) key_place: i64,
}

/// Returns the columns of a table that can be read.
pub(crate) fn declared(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Declared>> {
    let sql = "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";
    let mut statement = connection.prepare(sql)?;
    let columns = statement.query_map([table], |row| {
        Ok(Declared {
            name: row.get(0)?,
            declaration: row.get(1)?,
            not_null: row.get(2)?,
            key_place: row.get(3)?,
        })
    })?;
    columns.collect()
}

/// Returns the columns of the primary key, in its order.
pub(crate) fn primary_key(columns: &[Declared]) -> Vec<String> {
    let mut key: Vec<&Declared> = columns.iter().filter(|column| column.key_place > 0).collect();
    key.sort_by_key(|column| column.key_place);
    key.into_iter().map(|column| column.name.clone()).collect()
}

/// Returns the references that a table declares. A reference without columns is to the primary key of its table.
pub(crate) fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let sql = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = connection.prepare(sql)?;
    let mut found = statement.query([table])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = found.next()? {
        let (id, references_table, from): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let to: Option<String> = row.get(3)?;
        let to = match to {
            Some(to) => Some(to),
            None => primary_key(&declared(connection, &references_table)?)
                .into_iter()
                .next(),
        };
        let Some(to) = to else { continue };
        if keys.len() >= MAX_REFERENCES && keys.last().is_some_and(|(last, _)| *last != id) {
            break;
        }
        if let Some((_, key)) = keys.last_mut().filter(|(last, _)| *last == id) {
            key.columns.push(from);
            key.references_columns.push(to);
        } else {
            let key = ForeignKey {
                columns: vec![from],
                references_table,
                references_columns: vec![to],
                inferred: false,
            };
            keys.push((id, key));
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// `left`: how much the values of further columns may take, in bytes.
fn table(connection: &Connection, name: &str, left: &mut usize) -> rusqlite::Result<Table> {
    let declared = declared(connection, name)?;
    let count: i64 = connection.query_row(&format!("SELECT count(*) FROM {}", quoted(name)), [], |row| row.get(0))?;
    let columns = declared
        .iter()
        .map(|column| self::column(connection, name, column, left));
    Ok(Table {
        name: name.to_owned(),
        columns: columns.collect::<rusqlite::Result<_>>()?,
        primary_key: primary_key(&declared),
        foreign_keys: foreign_keys(connection, name)?,
        row_count: Some(count.unsigned_abs()),
        schema: None,
        comment: None,
    })
}

fn column(connection: &Connection, table: &str, declared: &Declared, left: &mut usize) -> rusqlite::Result<Column> {
    let mut column_type = ColumnType::of_declaration(&declared.declaration);
    if column_type == ColumnType::Unknown {
        column_type = type_of_values(connection, table, &declared.name)?;
    }
    let sensitive = is_sensitive(&declared.name);
    let is_key = declared.key_place > 0;
    let has_values = !sensitive && !is_key && column_type != ColumnType::Blob;
    let mut values = if has_values {
        few_values(connection, table, &declared.name)?
    } else {
        Vec::new()
    };
    let size = values.iter().map(|value| value.as_str().map_or(8, str::len)).sum();
    match left.checked_sub(size) {
        Some(rest) => *left = rest,
        None => values.clear(),
    }
    let has_range = !sensitive && !is_key && (column_type.is_number() || column_type.is_time());
    Ok(Column {
        range: if has_range {
            range(connection, table, &declared.name)?
        } else {
            None
        },
        name: declared.name.clone(),
        column_type,
        nullable: !declared.not_null && !is_key,
        sensitive,
        values,
        comment: None,
    })
}

fn type_of_values(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<ColumnType> {
    let sql = format!("SELECT {} FROM {} LIMIT {ROWS_FOR_TYPE}", quoted(column), quoted(table));
    let mut statement = connection.prepare(&sql)?;
    let (mut found, mut seen) = (statement.query([])?, Seen::default());
    while let Some(row) = found.next()? {
        seen.note(row.get_ref(0)?);
    }
    Ok(seen.column_type())
}

/// Returns the values of a column, most frequent first, if there are few.
fn few_values(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<Vec<Value>> {
    let (column, table) = (quoted(column), quoted(table));
    // A column with many values is left after the first of them.
    let sql = format!(
        "SELECT count(*) FROM (SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT {})",
        FEW_VALUES + 1
    );
    let distinct: usize = connection.query_row(&sql, [], |row| row.get(0))?;
    if distinct > FEW_VALUES {
        return Ok(Vec::new());
    }
    let sql =
        format!("SELECT {column}, count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1");
    let mut statement = connection.prepare(&sql)?;
    let (mut found, mut values) = (statement.query([])?, Vec::new());
    while let Some(row) = found.next()? {
        match row.get_ref(0)? {
            ValueRef::Blob(_) => return Ok(Vec::new()),
            ValueRef::Text(text) if text.len() > MAX_VALUE => return Ok(Vec::new()),
            value => values.push(shown(value).0),
        }
    }
    Ok(values)
}

fn range(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<Option<(Value, Value)>> {
    let sql = format!("SELECT min({0}), max({0}) FROM {1}", quoted(column), quoted(table));
    connection.query_row(&sql, [], |row| {
        let ends = (shown(row.get_ref(0)?).0, shown(row.get_ref(1)?).0);
        // What is declared as a date may be any text.
        let is_short = |end: &Value| end.as_str().is_none_or(|text| text.len() <= MAX_VALUE);
        let is_shown = ends.0 != Value::Null && is_short(&ends.0) && is_short(&ends.1);
        Ok(is_shown.then_some(ends))
    })
}
