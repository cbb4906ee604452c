//! Guards queries from standard input, executes what was given and what the guard wrote on a real server, and prints
//! whether both return the same: for measurements. A line has the tables with commas between them, and the query, with
//! a tab between.
//!
//! `judge ADDRESS HOST DATABASE USER AUTHORITY`, with the password in `PGPASSWORD`; `AUTHORITY` is a file in PEM format.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]

use std::{error::Error, io::BufRead as _, time::Duration};

use domain::Secret;
use postgres_engine::{Login, Session, Tls};
use sql_engine::QueryLimits;
use sql_guard::{Dialect, Policy, TableRule, guard};
use tokio::time::Instant;

const LIMITS: QueryLimits = QueryLimits {
    max_rows: 20_000,
    max_bytes: 50_000_000,
    deadline: Duration::from_secs(20),
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("ADDRESS HOST DATABASE USER AUTHORITY");
    let login = Login {
        addresses: vec![next()?.parse()?],
        host: next()?,
        database: next()?,
        user: next()?,
        password: Secret::new(std::env::var("PGPASSWORD").unwrap_or_default()),
        tls: Tls::VerifyFull(Some(std::fs::read_to_string(next()?)?)),
    };
    let mut session = Session::open(&login).await?;
    let schemas = ["public".to_owned()];
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let (tables, sql) = line.split_once('\t').unwrap_or(("", &line));
        let sql = sql.replace("\\n", "\n");
        let tables = tables.split(',').map(|table| {
            let (schema, name) = table.split_once('.').unwrap_or(("public", table));
            TableRule {
                schema: Some(schema.to_owned()),
                ..TableRule::whole(name)
            }
        });
        let policy = Policy {
            dialect: Dialect::Postgres,
            tables: tables.collect(),
            max_rows: 20_000,
        };
        let guarded = match guard(&sql, &policy) {
            Ok(guarded) => guarded.sql,
            Err(refusal) => {
                println!("refused\t{}\t{refusal}", refusal.code());
                continue;
            }
        };
        if !session.is_usable() {
            session = Session::open(&login).await?;
        }
        let given = session
            .query(sql.trim_end().trim_end_matches(';'), &schemas, LIMITS)
            .await;
        if !session.is_usable() {
            session = Session::open(&login).await?;
        }
        let began = Instant::now();
        let written = session.query(&guarded, &schemas, LIMITS).await;
        let ms = began.elapsed().as_millis();
        match (given, written) {
            (Ok(given), Ok(written)) if given == written => println!("same\t{}\t{ms}", given.rows.len()),
            (Err(given), Err(written)) if given == written => println!("fails\t{given}\t{ms}"),
            (given, written) => println!("differs\t{given:?}\t{written:?}\t{guarded}"),
        }
    }
    Ok(())
}
