//! Queries on the sample store, in this process.

mod imports;
mod rules;

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sql_guard::{Dialect, Policy, TableRule, guard};
use tempfile::TempDir;

use crate::{
    Catalog, ColumnType, QueryLimits, Refusal, ResultSet, create_sample,
    query::{execute, reader},
};

const HEAP: u64 = 256 * 1024 * 1024;

struct Sample {
    _folder: TempDir,
    file: PathBuf,
    catalog: Catalog,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sample.sqlite");
    let catalog = create_sample(&file).expect("a store");
    Sample {
        _folder: folder,
        file,
        catalog,
    }
});

impl Sample {
    fn tables(&self) -> Vec<String> {
        self.catalog.tables.iter().map(|table| table.name.clone()).collect()
    }
}

const LIMITS: QueryLimits = QueryLimits {
    max_rows: 1_000,
    max_bytes: 1_000_000,
    deadline: Duration::from_secs(5),
};

#[expect(clippy::disallowed_methods, reason = "a query is ended by this machine's clock")]
fn now() -> Instant {
    Instant::now()
}

fn query_on(file: &Path, tables: Vec<String>, sql: &str, limits: &QueryLimits) -> Result<ResultSet, Refusal> {
    let connection = reader(file, tables, HEAP, now() + limits.deadline)?;
    execute(&connection, sql, limits)
}

fn query(sql: &str) -> Result<ResultSet, Refusal> {
    query_on(&SAMPLE.file, SAMPLE.tables(), sql, &LIMITS)
}

fn rows(sql: &str) -> Vec<Vec<Value>> {
    query(sql).expect(sql).rows
}

fn code(sql: &str) -> String {
    query(sql).expect_err(sql).code
}

#[test]
fn a_query_returns_typed_rows() {
    let found = query(
        "SELECT status, count(*) AS orders, round(sum(total_amount), 2) AS revenue, max(ordered_on) AS last FROM orders \
         GROUP BY status ORDER BY orders DESC LIMIT 2",
    )
    .expect("rows");
    let columns: Vec<(&str, ColumnType)> = found
        .columns
        .iter()
        .map(|one| (one.name.as_str(), one.column_type))
        .collect();
    assert_eq!(
        columns,
        [
            ("status", ColumnType::Text),
            ("orders", ColumnType::Integer),
            ("revenue", ColumnType::Real),
            ("last", ColumnType::Date)
        ]
    );
    assert_eq!((found.rows[0][0].as_str(), found.truncated), (Some("completed"), false));
}

#[test]
fn a_result_ends_at_its_limits() {
    let all = "SELECT * FROM orders";
    let few = QueryLimits { max_rows: 10, ..LIMITS };
    let found = query_on(&SAMPLE.file, SAMPLE.tables(), all, &few).expect("rows");
    assert_eq!((found.rows.len(), found.truncated), (10, true));
    let small = QueryLimits {
        max_bytes: 1_000,
        ..LIMITS
    };
    let found = query_on(&SAMPLE.file, SAMPLE.tables(), all, &small).expect("rows");
    assert!(found.truncated && serde_json::to_string(&found.rows).expect("JSON").len() < 2_000);
    let exact = query("SELECT 1 FROM stores").expect("rows");
    assert_eq!((exact.rows.len(), exact.truncated), (12, false));
}

#[test]
fn a_connection_does_nothing_but_read_its_tables() {
    for sql in [
        "ATTACH DATABASE '/tmp/other' AS other",
        "PRAGMA table_info(orders)",
        "SELECT * FROM pragma_table_info('orders')",
        "SELECT * FROM sqlite_master",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT zeroblob(1000000000)",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "DELETE FROM orders",
        "UPDATE orders SET status = 'x'",
        "VACUUM INTO '/tmp/copy'",
        "BEGIN",
        "SELECT * FROM dbstat",
        "SELECT count(*) FROM dbstat",
        "SELECT count(*) FROM sqlite_master",
        "SELECT count(*) FROM pragma_table_list",
        // No column has this name, and it is not a text.
        "SELECT \"nothing\" FROM stores",
    ] {
        assert_eq!(code(sql), "sql_error", "{sql}");
    }
    let denied = query_on(
        &SAMPLE.file,
        vec!["stores".to_owned()],
        "SELECT count(*) FROM employees",
        &LIMITS,
    );
    assert_eq!(denied.expect_err("a refusal").code, "sql_error");
}

#[test]
fn what_never_ends_is_ended() {
    let limits = QueryLimits {
        deadline: Duration::from_millis(300),
        ..LIMITS
    };
    LazyLock::force(&SAMPLE);
    for sql in [
        "SELECT count(*) FROM order_items AS a, order_items AS b, order_items AS c, order_items AS d WHERE a.quantity + \
         b.quantity + c.quantity = d.quantity",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "WITH RECURSIVE n (t) AS (SELECT 'ab' UNION ALL SELECT substr(t || t, 1, 100000) FROM n) SELECT max(length(t)) \
         FROM n",
    ] {
        let began = now();
        let refusal = query_on(&SAMPLE.file, SAMPLE.tables(), sql, &limits).expect_err(sql);
        let took = now() - began;
        assert_eq!(refusal.code, "timed_out", "{refusal}: {sql}");
        assert!(took < limits.deadline + Duration::from_millis(200), "{took:?}: {sql}");
    }
    // The connection of a query that was ended can be used again.
    let connection =
        reader(&SAMPLE.file, SAMPLE.tables(), HEAP, now() + Duration::from_millis(50)).expect("a connection");
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert_eq!(
        execute(&connection, endless, &LIMITS).expect_err("an end").code,
        "timed_out"
    );
    crate::connection::end_at(&connection, now() + Duration::from_secs(5));
    let again = execute(&connection, "SELECT count(*) FROM stores", &LIMITS).expect("rows");
    assert_eq!(again.rows, [[json!(12)]]);
}

#[test]
fn the_catalog_describes_the_sample_store() {
    let orders = SAMPLE.catalog.table("orders").expect("a table");
    assert_eq!(
        (orders.row_count, orders.primary_key.as_slice()),
        (Some(6_000), ["order_id".to_owned()].as_slice())
    );
    let references: Vec<&str> = orders
        .foreign_keys
        .iter()
        .map(|key| key.references_table.as_str())
        .collect();
    assert!(
        references.contains(&"customers") && references.contains(&"stores"),
        "{references:?}"
    );
    let status = orders.column("status").expect("a column");
    assert_eq!(status.values[0], json!("completed"));
    let day = orders.column("ordered_on").expect("a column");
    assert_eq!(day.column_type, ColumnType::Date);
    assert_eq!(
        day.range.as_ref().map(|(first, _)| first.clone()),
        Some(json!("2024-01-01"))
    );
    let customers = SAMPLE.catalog.table("customers").expect("a table");
    let email = customers.column("email").expect("a column");
    assert!(email.sensitive && email.values.is_empty());
}

fn policy_of(tables: Vec<TableRule>) -> Policy {
    Policy {
        dialect: Dialect::Sqlite,
        tables,
        max_rows: 100_000,
    }
}

/// A query under row rules returns what it returns without rules on a copy that has those rows only.
#[test]
fn row_rules_are_the_same_as_a_filtered_copy() {
    let rules = [
        ("orders", "channel = 'web'"),
        ("customers", "country = 'Germany' AND segment <> 'corporate'"),
        ("order_items", "quantity > 1 OR discount > 0"),
        ("products", "discontinued = 0"),
        ("employees", "department_id IN (1, 2)"),
        ("returns", "0"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.sqlite");
    std::fs::copy(&SAMPLE.file, &copy).expect("a copy");
    let database = rusqlite::Connection::open(&copy).expect("a database");
    for (table, rule) in rules {
        let sql = format!("PRAGMA foreign_keys = OFF; DELETE FROM {table} WHERE NOT coalesce(({rule}), 0)");
        database.execute_batch(&sql).expect("a deletion");
    }
    drop(database);
    let restricted = SAMPLE.catalog.tables.iter().map(|table| TableRule {
        rows: rules
            .iter()
            .find(|(name, _)| *name == table.name)
            .map(|(_, rule)| (*rule).to_owned()),
        ..TableRule::whole(&table.name)
    });
    let restricted = policy_of(restricted.collect());
    let whole = policy_of(
        SAMPLE
            .catalog
            .tables
            .iter()
            .map(|table| TableRule::whole(&table.name))
            .collect(),
    );
    let limits = QueryLimits {
        max_rows: 100_000,
        max_bytes: 50_000_000,
        deadline: Duration::from_secs(30),
    };
    let result = |file: &Path, sql: &str, policy: &Policy| {
        let guarded = guard(sql, policy).expect(sql);
        query_on(file, SAMPLE.tables(), &guarded.sql, &limits)
            .expect(&guarded.sql)
            .rows
    };
    for sql in [
        "SELECT count(*) FROM orders",
        "SELECT country, count(*) FROM customers GROUP BY country ORDER BY country",
        "SELECT o.order_id, c.last_name FROM orders o JOIN customers c USING (customer_id) ORDER BY o.order_id",
        "SELECT c.customer_id, count(o.order_id) FROM customers c LEFT JOIN orders AS o ON o.customer_id = c.customer_id \
         GROUP BY c.customer_id ORDER BY 1",
        "SELECT name FROM products WHERE product_id NOT IN (SELECT product_id FROM order_items) ORDER BY product_id",
        "SELECT p.name, (SELECT sum(i.line_total) FROM order_items i WHERE i.product_id = p.product_id) FROM products p \
         ORDER BY p.product_id",
        "SELECT m.first_name, count(*) FROM employees e JOIN employees m ON e.manager_id = m.employee_id GROUP BY \
         m.employee_id ORDER BY m.employee_id",
        "WITH big AS (SELECT * FROM orders WHERE total_amount > 500) SELECT channel, count(*) FROM big GROUP BY channel",
        "SELECT channel FROM orders UNION SELECT segment FROM customers ORDER BY 1",
        "SELECT count(*) FROM returns",
        "SELECT status FROM orders WHERE EXISTS (SELECT 1 FROM returns) LIMIT 5",
        "SELECT order_id, rank() OVER (PARTITION BY customer_id ORDER BY total_amount DESC) FROM orders ORDER BY 1",
        "SELECT count(*) FILTER (WHERE total_amount > 100) FROM orders, stores WHERE orders.store_id = stores.store_id",
    ] {
        assert_eq!(
            result(&SAMPLE.file, sql, &restricted),
            result(&copy, sql, &whole),
            "{sql}"
        );
    }
}

#[test]
fn every_refusal_of_the_guard_also_holds_on_the_sample_store() {
    let policy = policy_of(
        SAMPLE
            .catalog
            .tables
            .iter()
            .map(|table| TableRule::whole(&table.name))
            .collect(),
    );
    for sql in [
        "DROP TABLE orders",
        "SELECT 1; SELECT 2",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM pragma_table_list",
        "WITH x AS (SELECT 1) DELETE FROM orders",
        "SELECT load_extension('x')",
        "SELECT * FROM 'orders'",
        "ATTACH 'x' AS y",
    ] {
        assert!(guard(sql, &policy).is_err(), "{sql}");
    }
    let allowed = guard(
        "SELECT count(*) FROM orders o JOIN customers USING (customer_id)",
        &policy,
    )
    .expect("a query");
    assert_eq!(rows(&allowed.sql), [[json!(6_000)]]);
}
