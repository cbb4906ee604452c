//! Queries in a child process: each ends as it should, and the next one is answered.

use std::{path::PathBuf, time::Duration};

use serde_json::json;
use sql_engine::{Engine, EngineError, FileKind, ImportFile, Limits, QueryLimits, Settings, create_sample};
use tempfile::TempDir;
use tokio::time::Instant;

const MEMORY: u64 = 1769 * 1024 * 1024;
const LIMITS: QueryLimits = QueryLimits {
    max_rows: 100,
    max_bytes: 1_000_000,
    deadline: Duration::from_secs(2),
};

fn engine(limits: Limits) -> Engine {
    Engine::new(Settings {
        program: env!("CARGO_BIN_EXE_document_reader").into(),
        limits,
        ..Settings::for_function(MEMORY)
    })
}

/// The sample store, its tables, and the folder it is in.
fn sample() -> (TempDir, PathBuf, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sample store #1?.sqlite");
    let catalog = create_sample(&file).unwrap();
    let tables = catalog.tables.into_iter().map(|table| table.name).collect();
    (folder, file, tables)
}

/// The code of a refusal.
fn code<T: std::fmt::Debug>(ended: Result<T, EngineError>) -> String {
    match ended {
        Err(EngineError::Refused(refusal)) => refusal.code,
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test]
async fn what_never_ends_is_ended_and_the_next_query_is_answered() {
    let engine = engine(Limits::for_function(MEMORY));
    let (_folder, file, tables) = sample();
    for sql in [
        "SELECT count(*) FROM order_items a, order_items b, order_items c, order_items d WHERE a.quantity + b.quantity + \
         c.quantity < d.quantity",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        // Nothing is computed between two instructions of this one but a comparison of long texts.
        "WITH RECURSIVE n (t) AS (SELECT 'ab' UNION ALL SELECT substr(t || t, 1, 1000000) FROM n) SELECT count(*) FROM n \
         WHERE t LIKE '%a%b%a%b%a%b%c%'",
    ] {
        let begun = Instant::now();
        assert_eq!(
            code(engine.query(&file, sql, &tables, LIMITS).await),
            "timed_out",
            "{sql}"
        );
        let took = begun.elapsed();
        eprintln!("deadline 2 s, ended after {took:?}: {sql}");
        assert!(took < LIMITS.deadline + Duration::from_millis(200), "{took:?}: {sql}");
        let next = engine
            .query(&file, "SELECT count(*) FROM orders", &tables, LIMITS)
            .await;
        assert_eq!(next.unwrap().rows, [[json!(6000)]]);
    }
}

#[tokio::test]
async fn a_query_has_no_more_memory_than_it_is_given() {
    let engine = engine(Limits {
        memory_bytes: 96 * 1024 * 1024,
        ..Limits::for_function(MEMORY)
    });
    let (_folder, file, tables) = sample();
    let sql = "SELECT group_concat(a.name || b.name || c.name) FROM products a, products b, products c";
    let ended = code(engine.query(&file, sql, &tables, LIMITS).await);
    assert!(["too_large", "timed_out"].contains(&ended.as_str()), "{ended}");
    let sorted =
        "SELECT a.name || hex(b.name), c.name FROM customers z, products a, products b, products c ORDER BY 1, 2 DESC";
    let ended = code(engine.query(&file, sorted, &tables, LIMITS).await);
    assert!(
        ["too_large", "timed_out", "sql_error"].contains(&ended.as_str()),
        "{ended}"
    );
    engine.query(&file, "SELECT 1", &tables, LIMITS).await.unwrap();
}

#[tokio::test]
async fn a_file_is_no_larger_than_it_may_be() {
    let engine = engine(Limits {
        file_bytes: 1024 * 1024,
        ..Limits::for_function(MEMORY)
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0");
    let lines = (0..100_000).map(|number| format!("{number},some text that takes room\n"));
    let text: String = std::iter::once("a,b\n".to_owned()).chain(lines).collect();
    std::fs::write(&path, text).unwrap();
    let file = ImportFile {
        path,
        name: "large.csv".to_owned(),
        kind: FileKind::Csv,
    };
    assert_eq!(
        code(engine.import(vec![file], &folder.path().join("target")).await),
        "too_large"
    );
}

#[tokio::test]
async fn a_program_that_is_no_child_is_our_fault() {
    let engine = Engine::new(Settings {
        program: "/nothing/here".into(),
        ..Settings::for_function(MEMORY)
    });
    let (_folder, file, tables) = sample();
    let ended = engine.query(&file, "SELECT 1", &tables, LIMITS).await;
    assert!(matches!(ended, Err(EngineError::Process(_))), "{ended:?}");
}
