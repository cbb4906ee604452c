//! The texts that go around a query.

use std::{fmt::Write as _, time::Duration};

/// How long a query waits for a table that someone has locked.
const LOCK_TIMEOUT_MS: u64 = 2_000;

/// Ends a transaction that has changed nothing.
pub(crate) const END: &str = "ROLLBACK";

/// Begins a transaction that only reads, with every setting that decides what a query means or how long it takes.
/// They end with the transaction.
///
/// Functions and operators come from `pg_catalog` first, so that none of the database takes their place; tables are
/// named with their schema. Temporary tables come last.
pub(crate) fn begin(schemas: &[String], time: Duration) -> String {
    let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    let idle_ms = time_ms.saturating_add(5_000);
    let mut path = "pg_catalog".to_owned();
    for schema in schemas {
        let _ = write!(path, ", {}", quoted(schema));
    }
    format!(
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {time_ms}; \
         SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; SET LOCAL idle_in_transaction_session_timeout = {idle_ms}; \
         SET LOCAL search_path = {path}, pg_temp; SET LOCAL standard_conforming_strings = on; \
         SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
         SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL xmloption = content"
    )
}

/// Returns a name as an identifier.
pub(crate) fn quoted(name: &str) -> String {
    // A name cannot contain it, and a text that does ends there.
    let name = name.replace('\0', "").replace('"', "\"\"");
    format!("\"{name}\"")
}

/// Returns a query whose columns of unusual types are texts. `casts`: what each column becomes, such as `::text`.
pub(crate) fn with_casts(sql: &str, casts: &[Cast]) -> String {
    let columns: Vec<String> = (0..casts.len()).map(|index| format!("c{index}")).collect();
    let shown = casts.iter().zip(&columns).map(|(cast, column)| match cast {
        Cast::None => column.clone(),
        Cast::Text => format!("{column}::text"),
        Cast::Json => format!("array_to_json({column})::text"),
    });
    let shown: Vec<String> = shown.collect();
    format!(
        "SELECT {} FROM ({sql}) AS shown ({})",
        shown.join(", "),
        columns.join(", ")
    )
}

/// How a column is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    /// In the binary format of its type.
    None,
    /// As text.
    Text,
    /// As JSON.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_quotation_marks() {
        assert_eq!(quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
        let begun = begin(&["s\", x".to_owned()], Duration::from_millis(9_500));
        assert!(
            begun.contains("search_path = pg_catalog, \"s\"\", x\", pg_temp;"),
            "{begun}"
        );
        assert!(begun.contains("statement_timeout = 9500;"), "{begun}");
    }

    #[test]
    fn columns_of_unusual_types_become_texts() {
        assert_eq!(
            with_casts("SELECT 1, 2, 3", &[Cast::None, Cast::Text, Cast::Json]),
            "SELECT c0, c1::text, array_to_json(c2)::text FROM (SELECT 1, 2, 3) AS shown (c0, c1, c2)"
        );
    }
}
