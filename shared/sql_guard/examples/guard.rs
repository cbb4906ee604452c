//! Guards queries from standard input, and prints what became of each: for measurements. A line has the dialect, the
//! tables with commas between them, and the query, with tabs between.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]

use std::io::BufRead as _;

use sql_guard::{Dialect, Policy, TableRule, guard};

/// A table, with its schema in front if it has one.
fn rule(name: &str) -> TableRule {
    match name.split_once('.') {
        Some((schema, name)) => TableRule {
            schema: Some(schema.to_owned()),
            ..TableRule::whole(name)
        },
        None => TableRule::whole(name),
    }
}

fn main() {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let mut fields = line.splitn(3, '\t');
        let mut next = || fields.next().unwrap_or_default();
        let dialect = match next() {
            "sqlite" => Dialect::Sqlite,
            "mysql" => Dialect::Mysql,
            "duckdb" => Dialect::DuckDb,
            _ => Dialect::Postgres,
        };
        let tables = next().split(',').map(rule).collect();
        let policy = Policy {
            dialect,
            tables,
            max_rows: 1_000,
        };
        let sql = next().replace("\\n", "\n");
        match guard(&sql, &policy) {
            Ok(query) => println!("allow\t{}", query.sql.replace('\n', "\\n")),
            Err(refusal) => println!("reject\t{}\t{refusal}", refusal.code()),
        }
    }
}
