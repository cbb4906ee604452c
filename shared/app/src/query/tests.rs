use serde_json::{Value, json};
use sql_engine::{ColumnType, ResultColumn, ResultSet};

use super::{chart, generate::extracted, sentence};

fn sql_in(text: &str) -> Option<String> {
    extracted(text).and_then(|answer| answer.sql)
}

#[test]
fn sql_is_found_in_whatever_a_model_writes() {
    let sql = Some("SELECT 1".to_owned());
    for text in [
        r#"{"sql": "SELECT 1", "reading": "One."}"#,
        "```json\n{\"sql\": \"SELECT 1\"}\n```",
        "Sure! Here {is} the query:\n{\"sql\": \"SELECT 1\", \"assumptions\": []} Hope it helps.",
        "```sql\nSELECT 1\n```\nThis counts.",
        "Here you are:\n\n```\nSELECT 1\n```",
        "The query is\nSELECT 1",
    ] {
        assert_eq!(sql_in(text), sql, "{text}");
    }
    for text in ["", "I cannot do that.", "{\"sql\": 7}", "```\nDROP TABLE x\n```"] {
        assert_eq!(sql_in(text), None, "{text}");
    }
    let refused = extracted(r#"{"sql": null, "reason": "There are no prices."}"#);
    assert_eq!(
        refused.and_then(|answer| answer.reason).as_deref(),
        Some("There are no prices.")
    );
}

fn result(columns: &[(&str, ColumnType)], rows: Vec<Vec<Value>>) -> ResultSet {
    let columns = columns.iter().map(|(name, column_type)| ResultColumn {
        name: (*name).to_owned(),
        column_type: *column_type,
    });
    ResultSet {
        columns: columns.collect(),
        rows,
        truncated: false,
    }
}

#[test]
fn a_chart_follows_from_the_types() {
    let mark = |columns: &[(&str, ColumnType)], rows| {
        let chart = chart::of(&result(columns, rows))?;
        chart["mark"].as_str().map(str::to_owned)
    };
    let bars = vec![vec![json!("a"), json!(1)], vec![json!("b"), json!(2)]];
    let of = [("city", ColumnType::Text), ("orders", ColumnType::Integer)];
    assert_eq!(mark(&of, bars.clone()).as_deref(), Some("bar"));
    let months = vec![vec![json!("2026-01"), json!(1.5)], vec![json!("2026-02"), json!(2)]];
    let of_months = [("month", ColumnType::Text), ("revenue", ColumnType::Real)];
    assert_eq!(mark(&of_months, months).as_deref(), Some("line"));
    // An identifier is no amount, and a single row is no chart.
    assert_eq!(
        mark(
            &[("city", ColumnType::Text), ("customer_id", ColumnType::Integer)],
            bars.clone()
        ),
        None
    );
    assert_eq!(mark(&of, bars[..1].to_vec()), None);
    // A name with a path in it stays a title.
    let named = chart::of(&result(
        &[("a.b[0]", ColumnType::Text), ("n", ColumnType::Integer)],
        bars,
    ));
    assert_eq!(
        named.map(|chart| chart["encoding"]["y"]["field"].clone()),
        Some(json!("c0"))
    );
}

#[test]
fn a_sentence_says_what_the_rows_say() {
    let one = result(&[("order_count", ColumnType::Integer)], vec![vec![json!(1_234_567)]]);
    assert_eq!(sentence::of(&one), "order count: 1,234,567.");
    let none = result(&[("a", ColumnType::Integer)], Vec::new());
    assert_eq!(sentence::of(&none), "No rows match.");
    let rows = vec![vec![json!("Graz"), json!(1234.5)], vec![json!("Bonn"), json!(2)]];
    let two = result(&[("city", ColumnType::Text), ("revenue", ColumnType::Real)], rows);
    assert_eq!(sentence::of(&two), "2 rows. The first: city Graz, revenue 1234.50.");
}
