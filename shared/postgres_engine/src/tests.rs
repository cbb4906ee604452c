//! Against a double that speaks the protocol. `make test-postgres` has a real server.

use std::time::Duration;

use domain::Secret;
use postgres_double::{DATABASE, OWNER, PASSWORD, PostgresDouble, READER, STRANGER, WRITER};
use serde_json::json;
use sql_engine::{ColumnType, QueryLimits};

use crate::{Failure, Login, PostgresError, Session, Tls};

const LIMITS: QueryLimits = QueryLimits {
    max_rows: 2,
    max_bytes: 1_000,
    deadline: Duration::from_secs(5),
};

fn login(server: &PostgresDouble, user: &str) -> Login {
    Login {
        host: "127.0.0.1".to_owned(),
        addresses: vec![server.address()],
        database: DATABASE.to_owned(),
        user: user.to_owned(),
        password: Secret::new(PASSWORD),
        tls: Tls::Disable,
    }
}

async fn session(server: &PostgresDouble) -> Session {
    Session::open(&login(server, READER)).await.expect("a session")
}

fn schemas() -> [String; 1] {
    ["public".to_owned()]
}

#[tokio::test]
async fn a_query_returns_typed_rows_up_to_its_limits() {
    let server = PostgresDouble::start().await;
    let mut session = session(&server).await;
    let sql = "SELECT id, name FROM \"public\".\"customers\" ORDER BY id";
    let found = session.query(sql, &schemas(), LIMITS).await.expect("rows");
    assert_eq!(found.rows, [vec![json!(1), json!("Ada")], vec![json!(2), json!("Ben")]]);
    assert!(found.truncated);
    let types: Vec<ColumnType> = found.columns.iter().map(|column| column.column_type).collect();
    assert_eq!(types, [ColumnType::Integer, ColumnType::Text]);
    // The same connection serves the next query.
    let refused = session.query("SELECT 1 FROM nothing", &schemas(), LIMITS).await;
    let Err(PostgresError::Refused(refusal)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(refusal.code, "sql_error");
    let described = session.describe(sql, &schemas(), LIMITS.deadline).await;
    assert_eq!(described.expect("columns").columns, ["id", "name"]);
    let log = server.log();
    assert_eq!((log.connections, log.violations.as_slice()), (1, [].as_slice()));
}

#[tokio::test]
async fn rows_end_where_their_bytes_do() {
    let server = PostgresDouble::start().await;
    let mut session = session(&server).await;
    let sql = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) SELECT printf('%0100d', x) FROM n";
    let limits = QueryLimits {
        max_rows: 5_000,
        ..LIMITS
    };
    let found = session.query(sql, &schemas(), limits).await.expect("rows");
    assert!(found.truncated && found.rows.len() == 9, "{}", found.rows.len());
    // The server still sends: nobody waits for it.
    assert!(!session.is_usable());
    // One value is larger than all that may be sent.
    let mut session = self::session(&server).await;
    let sql = "SELECT printf('%.*c', 20000000, 'x')";
    let refused = session.query(sql, &schemas(), LIMITS).await;
    let Err(PostgresError::Refused(refusal)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(refusal.code, "too_large");
    assert!(!session.is_usable());
}

#[tokio::test]
async fn a_refusal_has_its_reason() {
    let server = PostgresDouble::start().await;
    let with = |change: fn(&mut Login)| {
        let mut login = login(&server, READER);
        change(&mut login);
        login
    };
    let closed = "127.0.0.1:9".parse().expect("an address");
    for (login, expected) in [
        (
            with(|login| login.password = Secret::new("wrong")),
            Failure::CredentialsRejected,
        ),
        (with(|login| login.database = "other".to_owned()), Failure::NoDatabase),
        (
            with(|login| login.user = STRANGER.to_owned()),
            Failure::ConnectionRejected,
        ),
        (with(|login| login.tls = Tls::VerifyFull(None)), Failure::NoTls),
        (with(|login| login.tls = Tls::Require), Failure::NoTls),
        (
            with(|login| login.tls = Tls::VerifyFull(Some("nonsense".to_owned()))),
            Failure::AuthorityUnreadable,
        ),
        (
            Login {
                addresses: vec![closed],
                ..login(&server, READER)
            },
            Failure::Unreachable,
        ),
    ] {
        let opened = Session::open(&login).await;
        assert_eq!(opened.err(), Some(expected));
    }
}

#[tokio::test]
async fn a_connection_that_was_cut_off_says_so() {
    let server = PostgresDouble::start().await;
    let mut session = session(&server).await;
    session.query("SELECT 1", &schemas(), LIMITS).await.expect("a row");
    server.disconnect();
    let failed = session.query("SELECT 1", &schemas(), LIMITS).await;
    assert_eq!(failed, Err(PostgresError::Failed(Failure::ConnectionLost)));
    assert!(!session.is_usable());
}

#[tokio::test]
async fn the_catalog_has_tables_keys_and_values() {
    let server = PostgresDouble::start().await;
    let imported = session(&server).await.catalog(&[]).await.expect("a catalog");
    assert_eq!(
        (imported.schemas.as_slice(), imported.warnings.len()),
        (&schemas()[..], 0)
    );
    let customers = imported.catalog.table("customers").expect("a table");
    assert_eq!(
        (
            customers.schema.as_deref(),
            customers.comment.as_deref(),
            customers.row_count
        ),
        (Some("public"), Some("Who buys."), Some(3))
    );
    assert_eq!(customers.primary_key, ["id"]);
    let city = customers.column("city").expect("a column");
    assert_eq!(
        (city.values.as_slice(), city.nullable),
        (&[json!("Graz"), json!("Bonn")][..], true)
    );
    let orders = imported.catalog.table("orders").expect("a table");
    let amount = orders.column("amount").expect("a column");
    assert_eq!(amount.range, Some((json!(7.25), json!(1234.5))));
    assert_eq!(orders.foreign_keys[0].references_table, "customers");
    assert!(server.log().violations.is_empty());
}

#[tokio::test]
async fn a_role_that_may_do_more_is_refused_or_reported() {
    let server = PostgresDouble::start().await;
    let imported = async |user| {
        let mut session = Session::open(&login(&server, user)).await.expect("a session");
        session.catalog(&[]).await
    };
    let warned = imported(WRITER).await.expect("a catalog").warnings;
    assert!(warned[0].contains("may change 2 of the tables"), "{warned:?}");
    assert_eq!(imported(OWNER).await, Err(PostgresError::Failed(Failure::TooPowerful)));
}
