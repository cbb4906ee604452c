//! SQL that callers write, on the sample store.

use std::time::Duration;

use serde_json::{Value, json};

use super::texts;
use crate::support::Test;

#[tokio::test]
async fn sql_returns_typed_rows_a_sentence_and_a_chart() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let found = ada
        .sql("SELECT channel, count(*) AS orders FROM orders GROUP BY channel ORDER BY orders DESC")
        .await
        .ok()
        .json();
    assert_eq!(
        found["columns"],
        json!([{"name": "channel", "type": "text"}, {"name": "orders", "type": "integer"}])
    );
    assert_eq!(
        (&found["row_count"], &found["truncated"], &found["attempts"]),
        (&json!(3), &json!(false), &json!(0))
    );
    assert_eq!(found["chart"]["mark"], json!("bar"));
    assert!(
        found["answer"]
            .as_str()
            .unwrap()
            .starts_with("3 rows. The first: channel store"),
        "{found}"
    );
    assert!(found["sql"].as_str().unwrap().ends_with("LIMIT 1000"), "{found}");
    let all = ada.sql("SELECT order_id FROM orders").await.ok().json();
    assert_eq!(
        (&all["row_count"], &all["truncated"], &all["chart"]),
        (&json!(1000), &json!(true), &Value::Null)
    );
    let prepared = ada
        .post("/api/v1/query", json!({"sql": "SELECT 1 AS one", "execute": false}))
        .await
        .ok()
        .json();
    assert_eq!((&prepared["rows"], &prepared["row_count"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn what_does_not_only_read_is_refused() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for sql in [
        "DROP TABLE orders",
        "SELECT 1; DROP TABLE orders",
        "WITH x AS (SELECT 1) DELETE FROM orders",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM pragma_table_info('orders')",
        "SELECT load_extension('/tmp/x.so')",
        "ATTACH DATABASE '/tmp/x' AS x",
        "PRAGMA writable_schema = 1",
        "SELECT * FROM '/etc/passwd'",
        "SELECT name FROM orders UNION SELECT sql FROM sqlite_schema",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM secrets)",
        "VACUUM INTO '/tmp/x'",
        "",
    ] {
        let answer = ada.sql(sql).await;
        assert_eq!(answer.status, 422, "{sql}");
        let checked = ada.post("/api/v1/query/validate", json!({"sql": sql})).await;
        if !sql.is_empty() {
            let checked = checked.ok().json();
            assert_eq!(
                (&checked["valid"], &checked["sql"]),
                (&json!(false), &Value::Null),
                "{checked}"
            );
            assert!(checked["errors"][0]["detail"].as_str().unwrap().len() > 10, "{checked}");
        }
    }
    ada.sql("SELECT nothing FROM orders").await.problem(422, "sql_error");
    ada.sql("SELECT * FROM secrets").await.problem(422, "query_refused");
    for body in [
        json!({}),
        json!({"question": "?", "sql": "SELECT 1"}),
        json!({"question": " "}),
    ] {
        assert_eq!(ada.post("/api/v1/query", body).await.status, 422);
    }
    let checked = json!({"sql": "SELECT status, count(*) FROM Orders o GROUP BY 1"});
    let checked = ada.post("/api/v1/query/validate", checked).await.ok().json();
    assert_eq!(
        (&checked["valid"], &checked["tables"], &checked["columns"]),
        (&json!(true), &json!(["orders"]), &json!(["status", "count(*)"]))
    );
}

#[tokio::test]
async fn a_query_that_does_not_end_is_ended_and_the_next_one_is_answered() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for sql in [
        "SELECT count(*) FROM order_items a, order_items b, order_items c, order_items d WHERE a.quantity + b.quantity + \
         c.quantity < d.quantity",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    ] {
        let begun = tokio::time::Instant::now();
        ada.sql(sql).await.problem(422, "query_timed_out");
        let took = begun.elapsed();
        eprintln!("ended after {took:?}: {sql}");
        assert!(took < Duration::from_secs(15), "{took:?}");
        ada.sql("SELECT count(*) FROM orders").await.ok();
    }
}

#[tokio::test]
async fn a_history_belongs_to_its_user() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let first = ada.sql("SELECT name FROM departments ORDER BY name").await.ok().json();
    ada.sql("SELECT nothing FROM departments")
        .await
        .problem(422, "sql_error");
    let list = ada.get("/api/v1/query/history").await.ok().json();
    assert_eq!(texts(&list, "status"), ["failed", "succeeded"]);
    assert_eq!(
        (&list[0]["error"]["code"], &list[1]["query_id"]),
        (&json!("sql_error"), &first["query_id"])
    );
    assert_eq!(list[1].get("rows"), None);
    let path = format!("/api/v1/query/history/{}", first["query_id"].as_str().unwrap());
    let again = ada.post(&format!("{path}/rerun"), json!({})).await.ok().json();
    assert_eq!(
        (&again["rows"], again["query_id"] == first["query_id"]),
        (&first["rows"], false)
    );
    let file = ada.get(&format!("{path}/csv")).await.ok();
    assert!(file.header("content-type").starts_with("text/csv"));
    let text = String::from_utf8(file.body.clone()).unwrap();
    assert!(text.starts_with("name\r\nCustomer Service\r\n"), "{text}");
    for answer in [
        eve.get(&path).await,
        eve.delete(&path).await,
        eve.get(&format!("{path}/csv")).await,
        eve.post(&format!("{path}/rerun"), json!({})).await,
    ] {
        answer.problem(404, "not_found");
    }
    ada.delete(&path).await.expect(204);
    ada.delete(&path).await.problem(404, "not_found");
    assert_eq!(eve.get("/api/v1/query/history").await.ok().json(), json!([]));
}

#[tokio::test]
async fn queries_are_limited_in_number() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut refused = None;
    for _ in 0..70 {
        let answer = ada.post("/api/v1/query/validate", json!({"sql": "SELECT"})).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a limit");
    assert!(!refused.header("retry-after").is_empty());
    refused.problem(429, "too_many_queries");
}
