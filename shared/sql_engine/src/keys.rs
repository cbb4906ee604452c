//! Keys that a database does not declare, from names and values.

use rusqlite::Connection;

use crate::{Catalog, ForeignKey, Table, connection::quoted};

/// Adds the references that names suggest and all values confirm: `orders.customer_id` refers to `customers.id` or
/// `customers.customer_id`, whose values are unique.
pub(crate) fn infer(connection: &Connection, catalog: &mut Catalog) -> rusqlite::Result<()> {
    let tables = catalog.tables.clone();
    for table in &mut catalog.tables {
        for column in &table.columns {
            let is_key = |key: &ForeignKey| key.columns.iter().any(|own| own.eq_ignore_ascii_case(&column.name));
            if table.foreign_keys.iter().any(is_key) {
                continue;
            }
            let Some((target, key)) = target_of(&column.name, &table.name, &tables) else {
                continue;
            };
            if refers(connection, &table.name, &column.name, &target.name, key)? {
                table.foreign_keys.push(ForeignKey {
                    columns: vec![column.name.clone()],
                    references_table: target.name.clone(),
                    references_columns: vec![key.to_owned()],
                    inferred: true,
                });
            }
        }
    }
    Ok(())
}

/// Returns the table that a column is named after, and its key.
fn target_of<'a>(column: &str, own_table: &str, tables: &'a [Table]) -> Option<(&'a Table, &'a str)> {
    let lower = column.to_ascii_lowercase();
    let stem = lower.strip_suffix("_id").or_else(|| lower.strip_suffix("id"))?;
    let stem = stem.trim_end_matches('_');
    if stem.is_empty() {
        return None;
    }
    tables.iter().find_map(|table| {
        if table.name.eq_ignore_ascii_case(own_table) || !is_named(&table.name, stem) {
            return None;
        }
        let [key] = table.primary_key.as_slice() else {
            return None;
        };
        let key_name = key.to_ascii_lowercase();
        (key_name == "id" || key_name == lower).then_some((table, key.as_str()))
    })
}

/// Returns whether a table is named after a thing: its name, or its plural.
fn is_named(table: &str, thing: &str) -> bool {
    let table = table.to_ascii_lowercase();
    let plural = match thing.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if thing.ends_with(['s', 'x']) || thing.ends_with("ch") => format!("{thing}es"),
        None => format!("{thing}s"),
    };
    table == thing || table == plural
}

/// Returns whether all values of a column are values of another one, and there are any.
fn refers(connection: &Connection, table: &str, column: &str, target: &str, key: &str) -> rusqlite::Result<bool> {
    let [table, column, target, key] = [table, column, target, key].map(quoted);
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM {table} AS own \
         WHERE own.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {target} AS other WHERE other.{key} = own.{column}))"
    );
    connection.query_row(&sql, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_table_is_named_after_a_thing_or_its_plural() {
        for (table, thing) in [
            ("customers", "customer"),
            ("Categories", "category"),
            ("boxes", "box"),
            ("staff", "staff"),
        ] {
            assert!(is_named(table, thing), "{table} {thing}");
        }
        assert!(!is_named("orders", "customer"));
    }
}
