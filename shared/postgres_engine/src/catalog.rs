//! What a database contains, from its own catalog: no table is scanned, and of small ones a bounded number of rows is
//! read for their values.

use std::{collections::HashMap, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use serde_json::Value;
use sql_engine::{Catalog, Column, ColumnType, ForeignKey, Table, is_sensitive};
use tokio::time::Instant;
use tokio_postgres::{Client, Error, Row, types::Type};

use crate::{Failure, PostgresError, Session, session::Step, statements::quoted, values::column_type};

/// Number of tables that are imported.
const MAX_TABLES: usize = 1_000;
/// Number of columns of all tables.
const MAX_COLUMNS: usize = 20_000;
/// Rows of a table that are read for its values; a larger table has statistics.
const SAMPLE_ROWS: usize = 1_000;
/// Time to read the catalog.
const CATALOG_TIME: Duration = Duration::from_secs(30);
/// Time to read the values of one table.
const SAMPLE_TIME: Duration = Duration::from_secs(2);
/// Time to read those of all tables.
const SAMPLES_TIME: Duration = Duration::from_secs(20);
/// Bytes that a server may send about its catalog, and for the values of one table.
const CATALOG_BYTES: u64 = 32 * 1024 * 1024;
/// A column has few values if it has at most this many.
const FEW_VALUES: usize = 30;
/// Longest value that is kept, in characters: longer ones are prose.
const MAX_VALUE: usize = 60;

/// Whether the role may leave the database or change the cluster; whether it has other rights that no query needs.
const POWERS: &str = "SELECT r.rolsuper OR EXISTS (SELECT 1 FROM pg_catalog.pg_roles AS d WHERE d.rolname IN \
    ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program') AND pg_catalog.pg_has_role(r.oid, d.oid, 'MEMBER')), \
    r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls \
    FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user";

/// Tables and views that the role may read, without partitions and without what extensions bring along.
const TABLES: &str = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::float8, \
    pg_catalog.obj_description(c.oid, 'pg_class'), \
    pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') \
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relname !~ '^pg_' AND c.relname !~ '[.]' \
    AND (pg_catalog.cardinality($1::text[]) = 0 OR n.nspname::text = ANY ($1::text[])) \
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') \
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::regclass \
    AND d.objid = c.oid AND d.deptype = 'e') \
    ORDER BY pg_catalog.array_position($1::text[], n.nspname::text), n.nspname <> 'public', n.nspname, c.relname LIMIT $2";

/// Columns that the role may read, with the type that a domain is based on.
const COLUMNS: &str = "SELECT a.attrelid, a.attname::text, \
    CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, t.typcategory::text, a.attnotnull, \
    pg_catalog.col_description(a.attrelid, a.attnum) \
    FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
    WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped \
    AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') \
    ORDER BY a.attrelid, a.attnum LIMIT $2";

/// Primary and foreign keys.
const KEYS: &str = "SELECT k.conrelid, k.contype::text, k.confrelid, \
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place) \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place), \
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u (number, place) \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place) \
    FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = ANY ($1::oid[]) AND k.contype IN ('p', 'f') \
    ORDER BY k.conrelid, k.conname LIMIT $2";

/// What the server knows of the values of columns: how many distinct ones (negative: as a part of the rows), the most
/// frequent, and the ends of the others. The server shows them only to roles that may read the column.
const STATISTICS: &str = "SELECT c.oid, s.attname::text, s.n_distinct::float8, \
    CASE WHEN pg_catalog.cardinality(s.most_common_vals::text::text[]) <= 30 \
    THEN s.most_common_vals::text::text[] END, \
    (s.histogram_bounds::text::text[])[1], \
    (s.histogram_bounds::text::text[])[pg_catalog.cardinality(s.histogram_bounds::text::text[])] \
    FROM pg_catalog.pg_stats AS s JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schemaname \
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.tablename \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = s.attname \
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
    WHERE c.oid = ANY ($1::oid[]) AND NOT s.inherited AND t.typcategory IN ('B', 'D', 'E', 'N', 'S') LIMIT $2";

/// What a database contains, and what its owner should know.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedCatalog {
    /// Its tables.
    pub catalog: Catalog,
    /// Their schemas, in the order in which they are searched.
    pub schemas: Vec<String>,
    /// Sentences for whoever created the data source, such as that its role may write.
    pub warnings: Vec<String>,
}

/// A table while it is read.
struct Found {
    oid: u32,
    schema: String,
    relation: String,
    kind: String,
    rows: Option<u64>,
    comment: Option<String>,
    is_writable: bool,
    columns: Vec<FoundColumn>,
    primary_key: Vec<String>,
    foreign_keys: Vec<(u32, ForeignKey)>,
}

struct FoundColumn {
    column: Column,
    /// Whether its values can be compared as texts.
    is_scalar: bool,
}

impl Session {
    /// Reads what a database contains. `schemas`: only these; all of them if there are none.
    ///
    /// # Errors
    /// Returns [`Failure::TooPowerful`] for a role that no query should have, [`Failure::NoTables`], and why the server
    /// does not answer.
    pub async fn catalog(&mut self, schemas: &[String]) -> Result<ImportedCatalog, PostgresError> {
        self.allow(CATALOG_BYTES);
        let wanted = schemas.to_vec();
        let read = self.in_transaction(&[], CATALOG_TIME, move |client| described(client, wanted));
        let (powers, mut found) = read.await?;
        if powers.is_dangerous {
            return Err(Failure::TooPowerful.into());
        }
        if found.is_empty() {
            return Err(Failure::NoTables.into());
        }
        let is_cut = found.len() > MAX_TABLES;
        found.truncate(MAX_TABLES);
        self.sample(&mut found).await?;
        Ok(imported(found, &powers, is_cut))
    }

    /// Reads the values of small tables, as long as there is time. Tables that do not let us are left out.
    async fn sample(&mut self, found: &mut [Found]) -> Result<(), PostgresError> {
        let end = Instant::now() + SAMPLES_TIME;
        for table in found {
            let is_small = table.rows.is_none_or(|rows| rows <= SAMPLE_ROWS as u64);
            if !is_small || !matches!(table.kind.as_str(), "r" | "p" | "m") || Instant::now() > end {
                continue;
            }
            let columns: Vec<usize> = (table.columns.iter().enumerate())
                .filter(|(_, found)| found.is_scalar && !found.column.sensitive)
                .filter(|(_, found)| !table.primary_key.contains(&found.column.name))
                .map(|(index, _)| index)
                .collect();
            let sql = sample_of(table, &columns);
            self.allow(CATALOG_BYTES);
            let read = self.in_transaction(&[], SAMPLE_TIME, move |client| {
                async move { Ok((client.query_typed(&sql, &[]).await?, false)) }.boxed()
            });
            match read.await {
                Ok(rows) if rows.len() <= SAMPLE_ROWS => keep_values(table, &columns, &rows),
                Ok(_) => {}
                Err(error) if self.is_usable() => tracing::info!(%error, "postgres.table_not_sampled"),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

struct Powers {
    is_dangerous: bool,
    is_generous: bool,
}

fn described(client: &Client, schemas: Vec<String>) -> BoxFuture<'_, Step<(Powers, Vec<Found>)>> {
    async move {
        let roles = client.query_typed(POWERS, &[]).await?;
        let flag = |index| roles.first().and_then(|row| row.try_get(index).ok()).unwrap_or(false);
        let powers = Powers {
            is_dangerous: flag(0),
            is_generous: flag(1),
        };
        let limit = |most: usize| i64::try_from(most).unwrap_or(i64::MAX);
        let most = limit(MAX_TABLES + 1);
        let tables = client
            .query_typed(TABLES, &[(&schemas, Type::TEXT_ARRAY), (&most, Type::INT8)])
            .await?;
        let mut found: Vec<Found> = tables.iter().map(table).collect::<Result<_, _>>()?;
        let oids: Vec<u32> = found.iter().map(|table| table.oid).collect();
        let places: HashMap<u32, usize> = oids.iter().enumerate().map(|(index, oid)| (*oid, index)).collect();
        let most = limit(MAX_COLUMNS);
        for row in client
            .query_typed(COLUMNS, &[(&oids, Type::OID_ARRAY), (&most, Type::INT8)])
            .await?
        {
            if let Some(table) = places.get(&row.try_get(0)?).and_then(|index| found.get_mut(*index)) {
                table.columns.push(column(&row)?);
            }
        }
        for row in client
            .query_typed(KEYS, &[(&oids, Type::OID_ARRAY), (&most, Type::INT8)])
            .await?
        {
            if let Some(table) = places.get(&row.try_get(0)?).and_then(|index| found.get_mut(*index)) {
                key(table, &row)?;
            }
        }
        for row in client
            .query_typed(STATISTICS, &[(&oids, Type::OID_ARRAY), (&most, Type::INT8)])
            .await?
        {
            if let Some(table) = places.get(&row.try_get(0)?).and_then(|index| found.get_mut(*index)) {
                statistics(table, &row)?;
            }
        }
        found.retain(|table| !table.columns.is_empty());
        Ok(((powers, found), false))
    }
    .boxed()
}

fn table(row: &Row) -> Result<Found, Error> {
    let estimate: f64 = row.try_get(4)?;
    let kind: String = row.try_get(3)?;
    // -1: nobody has counted. A view has no rows of its own, and 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate that is checked not to be negative"
    )]
    let rows = (estimate >= 0.0 && !matches!(kind.as_str(), "v" | "f")).then_some(estimate as u64);
    Ok(Found {
        oid: row.try_get(0)?,
        schema: row.try_get(1)?,
        relation: row.try_get(2)?,
        kind,
        rows,
        comment: row.try_get(5)?,
        is_writable: row.try_get(6)?,
        columns: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    })
}

fn column(row: &Row) -> Result<FoundColumn, Error> {
    let (name, oid, category): (String, u32, String) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    let known = Type::from_oid(oid).map(|known| column_type(&known));
    let column_type = match (known, category.as_str()) {
        (_, "A") => ColumnType::Unknown,
        (Some(known), _) => known,
        (None, _) => ColumnType::Text,
    };
    let not_null: bool = row.try_get(4)?;
    Ok(FoundColumn {
        is_scalar: matches!(category.as_str(), "B" | "D" | "E" | "N" | "S"),
        column: Column {
            sensitive: is_sensitive(&name),
            name,
            column_type,
            nullable: !not_null,
            values: Vec::new(),
            range: None,
            comment: row.try_get(5)?,
        },
    })
}

fn key(table: &mut Found, row: &Row) -> Result<(), Error> {
    let (kind, columns): (String, Vec<String>) = (row.try_get(1)?, row.try_get(3)?);
    let is_known = |name: &String| table.columns.iter().any(|found| found.column.name == *name);
    if !columns.iter().all(is_known) {
        return Ok(());
    }
    if kind == "p" {
        table.primary_key = columns;
        return Ok(());
    }
    let key = ForeignKey {
        columns,
        references_table: String::new(),
        references_columns: row.try_get(4)?,
        inferred: false,
    };
    table.foreign_keys.push((row.try_get(2)?, key));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "both are estimates")]
fn statistics(table: &mut Found, row: &Row) -> Result<(), Error> {
    let name: String = row.try_get(1)?;
    let is_key = table.primary_key.contains(&name);
    let rows = table.rows.unwrap_or_default();
    let Some(found) = table.columns.iter_mut().find(|found| found.column.name == name) else {
        return Ok(());
    };
    let column = &mut found.column;
    if column.sensitive || is_key {
        return Ok(());
    }
    let distinct: f64 = row.try_get(2)?;
    let distinct = if distinct < 0.0 {
        -distinct * rows as f64
    } else {
        distinct
    };
    let frequent: Vec<String> = row.try_get::<_, Option<_>>(3)?.unwrap_or_default();
    let ends: [Option<String>; 2] = [row.try_get(4)?, row.try_get(5)?];
    // The most frequent values are all of them, if there are as many.
    let is_all = !frequent.is_empty() && (distinct - frequent.len() as f64).abs() < 0.5;
    if is_all && frequent.iter().all(|value| value.chars().count() <= MAX_VALUE) {
        column.values = frequent.iter().map(|text| typed(column.column_type, text)).collect();
    }
    let known = frequent.iter().chain(ends.iter().flatten());
    column.range = range(column.column_type, known.map(String::as_str));
    Ok(())
}

/// Returns the query for the values of a table.
fn sample_of(table: &Found, columns: &[usize]) -> String {
    let names = columns.iter().filter_map(|index| table.columns.get(*index));
    // A character more shows that a value is too long.
    let mut shown: Vec<String> = names
        .map(|found| {
            format!(
                "pg_catalog.left({}::text, {})",
                quoted(&found.column.name),
                MAX_VALUE + 1
            )
        })
        .collect();
    if shown.is_empty() {
        shown.push("NULL::text".to_owned());
    }
    format!(
        "SELECT {} FROM {}.{} LIMIT {}",
        shown.join(", "),
        quoted(&table.schema),
        quoted(&table.relation),
        SAMPLE_ROWS + 1
    )
}

/// Keeps what all rows of a table show of its columns.
fn keep_values(table: &mut Found, columns: &[usize], rows: &[Row]) {
    table.rows = Some(rows.len() as u64);
    for (place, index) in columns.iter().enumerate() {
        let Some(found) = table.columns.get_mut(*index) else {
            continue;
        };
        let column = &mut found.column;
        let values = rows
            .iter()
            .filter_map(|row| row.try_get::<_, Option<String>>(place).ok().flatten());
        let mut counts: HashMap<String, usize> = HashMap::new();
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
        column.range = range(column.column_type, counts.keys().map(String::as_str));
        let is_prose = counts.keys().any(|value| value.chars().count() > MAX_VALUE);
        if counts.len() > FEW_VALUES || is_prose {
            column.values = Vec::new();
            continue;
        }
        let mut counted: Vec<(String, usize)> = counts.into_iter().collect();
        counted.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        column.values = counted
            .iter()
            .map(|(text, _)| typed(column.column_type, text))
            .collect();
    }
}

/// Returns the smallest and the largest value of a date or number.
fn range<'a>(of: ColumnType, texts: impl Iterator<Item = &'a str>) -> Option<(Value, Value)> {
    let number = |text: &&str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let ends = |ordered: &[&str]| Some((typed(of, ordered.first()?), typed(of, ordered.last()?)));
    if of.is_number() {
        let mut texts: Vec<&str> = texts.filter(|text| number(text).is_some()).collect();
        texts.sort_by(|one, other| {
            number(one)
                .unwrap_or_default()
                .total_cmp(&number(other).unwrap_or_default())
        });
        return ends(&texts);
    }
    if of.is_time() {
        // In ISO's notation, the order of texts is that of time.
        let mut texts: Vec<&str> = texts
            .filter(|text| text.starts_with(|first: char| first.is_ascii_digit()))
            .collect();
        texts.sort_unstable();
        return ends(&texts);
    }
    None
}

/// Returns a value as results have it, from its text.
fn typed(of: ColumnType, text: &str) -> Value {
    match of {
        ColumnType::Boolean => Value::Bool(text.starts_with('t')),
        ColumnType::Integer | ColumnType::Real => {
            serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| text.into(), Value::Number)
        }
        // Moments are in UTC, as the transaction says.
        ColumnType::Datetime => text.trim_end_matches("+00").into(),
        _ => text.into(),
    }
}

/// Returns the catalog in the product's words. Of tables with the same name, that of the first schema has it alone.
fn imported(found: Vec<Found>, powers: &Powers, is_cut: bool) -> ImportedCatalog {
    let mut names: HashMap<u32, String> = HashMap::new();
    let mut taken: Vec<String> = Vec::new();
    let mut schemas: Vec<String> = Vec::new();
    for table in &found {
        let lower = table.relation.to_lowercase();
        let name = if taken.contains(&lower) {
            format!("{}.{}", table.schema, table.relation)
        } else {
            table.relation.clone()
        };
        taken.push(lower);
        names.insert(table.oid, name);
        if !schemas.contains(&table.schema) {
            schemas.push(table.schema.clone());
        }
    }
    let writable = found.iter().filter(|table| table.is_writable).count();
    let mut tables: Vec<Table> = found.into_iter().map(|table| named(table, &names)).collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let mut warnings = Vec::new();
    if writable > 0 {
        warnings.push(format!(
            "The user may change {writable} of the tables. No query can, but a user with nothing but SELECT is safer."
        ));
    }
    if powers.is_generous {
        let detail = "The user may create roles or databases, replicate, or bypass row security. A user with nothing but SELECT is safer.";
        warnings.push(detail.to_owned());
    }
    if is_cut {
        warnings.push(format!(
            "The database has more than {MAX_TABLES} tables; the others are not included. Name the schemas that matter."
        ));
    }
    ImportedCatalog {
        catalog: Catalog { tables },
        schemas,
        warnings,
    }
}

fn named(table: Found, names: &HashMap<u32, String>) -> Table {
    let foreign_keys = table.foreign_keys.into_iter().filter_map(|(oid, mut key)| {
        key.references_table.clone_from(names.get(&oid)?);
        Some(key)
    });
    Table {
        name: names.get(&table.oid).cloned().unwrap_or(table.relation),
        schema: Some(table.schema),
        comment: table.comment,
        foreign_keys: foreign_keys.collect(),
        columns: table.columns.into_iter().map(|found| found.column).collect(),
        primary_key: table.primary_key,
        row_count: table.rows,
    }
}
