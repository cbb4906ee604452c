//! Connections that can only read.

use std::{path::Path, time::Instant};

use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

/// Number of instructions between two looks at the clock: some tens of microseconds.
const INSTRUCTIONS: i32 = 1_000;
/// Longest text or blob, in bytes: also of what functions return.
const MAX_VALUE_BYTES: i32 = 2_000_000;
/// Longest text of a query, in bytes.
const MAX_SQL_BYTES: i32 = 100_000;
/// Memory of the page cache, in KiB.
const CACHE_KIB: i32 = 32 * 1024;

/// Functions that the authorizer denies whatever was checked before: they reach outside of the database, or create
/// large values from nothing.
const DENIED_FUNCTIONS: [&str; 8] = [
    "load_extension",
    "fts3_tokenizer",
    "readfile",
    "writefile",
    "edit",
    "zeroblob",
    "randomblob",
    "sqlite_log",
];

/// Opens a file that nobody changes, read-only. `heap_bytes`: memory that the library may use.
pub(crate) fn open(file: &Path, heap_bytes: u64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(file), flags)?;
    harden(&connection, heap_bytes)?;
    Ok(connection)
}

/// `immutable` keeps the library from looking for journals, whose names anybody could have chosen.
fn uri(file: &Path) -> String {
    let path: String = file
        .to_string_lossy()
        .chars()
        .flat_map(|character| match character {
            '%' | '?' | '#' => format!("%{:02x}", u32::from(character)).chars().collect::<Vec<_>>(),
            other => vec![other],
        })
        .collect();
    format!("file:{path}?immutable=1")
}

/// Turns off what a reader does not need.
fn harden(connection: &Connection, heap_bytes: u64) -> rusqlite::Result<()> {
    for (option, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        // A name in double quotes that no column has is an error, not a text.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(option, value)?;
    }
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_SQL_BYTES),
        (Limit::SQLITE_LIMIT_COLUMN, 500),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 64),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    connection.pragma_update(None, "query_only", true)?;
    // What sorts and groups need stays in memory, which is limited, and off the disk, which is not.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let heap = i64::try_from(heap_bytes).unwrap_or(i64::MAX);
    connection.query_row(&format!("PRAGMA hard_heap_limit = {heap}"), [], |_| Ok(()))
}

/// Tables that a query may read although the database does not contain them: they show their arguments.
const TABLE_FUNCTIONS: [&str; 2] = ["json_each", "json_tree"];
/// What the names of the library's own tables begin with.
const INTERNAL: [&str; 6] = ["sqlite_", "pragma_", "dbstat", "fts", "bytecode", "tables_used"];

/// Allows nothing from now on but to read these tables.
pub(crate) fn only_read(connection: &Connection, tables: Vec<String>) -> rusqlite::Result<()> {
    let existing = table_names(connection)?;
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        let is_allowed = match context.action {
            AuthAction::Select | AuthAction::Recursive => true,
            AuthAction::Read {
                table_name,
                column_name,
            } => {
                let lower = table_name.to_ascii_lowercase();
                let is_in = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(table_name));
                // Rows of a common table expression that are only counted are reported too, with its name.
                let is_expression = column_name.is_empty()
                    && context.database_name.is_none()
                    && !is_in(&existing)
                    && !INTERNAL.iter().any(|prefix| lower.starts_with(prefix));
                is_in(&tables) || TABLE_FUNCTIONS.contains(&lower.as_str()) || is_expression
            }
            AuthAction::Function { function_name } => !DENIED_FUNCTIONS
                .iter()
                .any(|name| name.eq_ignore_ascii_case(function_name)),
            _ => false,
        };
        if is_allowed {
            Authorization::Allow
        } else {
            Authorization::Deny
        }
    }));
    Ok(())
}

/// Interrupts what runs on this connection at `deadline`.
#[expect(
    clippy::disallowed_methods,
    reason = "a limit of this process, which tests cannot move"
)]
pub(crate) fn end_at(connection: &Connection, deadline: Instant) {
    connection.progress_handler(INSTRUCTIONS, Some(move || Instant::now() >= deadline));
}

/// Quotes a name.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the names of the ordinary tables of a database, sorted.
///
/// # Errors
/// Returns the error of the library.
pub(crate) fn table_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' \
               ESCAPE '\\' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}
