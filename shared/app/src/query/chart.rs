//! A chart of the rows of a query, chosen by the types of its columns. No model writes any part of it.

use serde_json::{Map, Value, json};
use sql_engine::{ColumnType, ResultSet};

/// The version of the specification (<https://vega.github.io/vega-lite/>).
const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v6.json";
/// Maximum number of bars.
const MAX_BARS: usize = 40;
/// Maximum number of points or marks.
const MAX_MARKS: usize = 500;
/// Maximum number of colors.
const MAX_COLORS: usize = 10;

/// What a column can be in a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Time,
    Category,
    Number,
    Other,
}

/// Returns a Vega-Lite chart; `None` if a table shows more.
pub(super) fn of(result: &ResultSet) -> Option<Value> {
    if !(2..=MAX_MARKS).contains(&result.rows.len()) || result.truncated {
        return None;
    }
    let roles: Vec<Role> = (0..result.columns.len()).map(|index| role(result, index)).collect();
    let axis = |index: usize, kind: &str| json!({"field": field(index), "type": kind, "title": result.columns.get(index).map(|column| &column.name)});
    let distinct = |index: usize| {
        let mut values: Vec<String> = result
            .rows
            .iter()
            .filter_map(|row| row.get(index).map(Value::to_string))
            .collect();
        values.sort();
        values.dedup();
        values.len()
    };
    // The rows are in the order of the query.
    let in_order = |index: usize| {
        let mut axis = axis(index, "nominal");
        axis["sort"] = Value::Null;
        axis
    };
    let (mark, encoding) = match roles.as_slice() {
        [Role::Time, Role::Number] => ("line", json!({"x": axis(0, "temporal"), "y": axis(1, "quantitative")})),
        [Role::Time, Role::Category, Role::Number] if distinct(1) <= MAX_COLORS => (
            "line",
            json!({"x": axis(0, "temporal"), "y": axis(2, "quantitative"), "color": axis(1, "nominal")}),
        ),
        [Role::Category, Role::Number] if result.rows.len() <= MAX_BARS && distinct(0) == result.rows.len() => {
            ("bar", json!({"x": axis(1, "quantitative"), "y": in_order(0)}))
        }
        [Role::Category, Role::Category, Role::Number] if distinct(0) <= MAX_BARS && distinct(1) <= MAX_COLORS => (
            "bar",
            json!({"x": axis(2, "quantitative"), "y": in_order(0), "color": axis(1, "nominal")}),
        ),
        [Role::Number, Role::Number] if result.rows.len() > 5 => (
            "point",
            json!({"x": axis(0, "quantitative"), "y": axis(1, "quantitative")}),
        ),
        _ => return None,
    };
    let rows: Vec<Value> = result
        .rows
        .iter()
        .map(|row| {
            let values = row
                .iter()
                .enumerate()
                .map(|(index, value)| (field(index), value.clone()));
            Value::Object(values.collect::<Map<_, _>>())
        })
        .collect();
    Some(json!({"$schema": SCHEMA, "data": {"values": rows}, "mark": mark, "encoding": encoding}))
}

/// Names of columns may repeat, and contain what a field of Vega-Lite means as a path.
fn field(index: usize) -> String {
    format!("c{index}")
}

fn role(result: &ResultSet, index: usize) -> Role {
    let Some(column) = result.columns.get(index) else {
        return Role::Other;
    };
    let name = column.name.to_lowercase();
    let values = || result.rows.iter().filter_map(|row| row.get(index));
    match column.column_type {
        ColumnType::Date | ColumnType::Datetime => Role::Time,
        // `2026-11`, as `strftime('%Y-%m', ...)` returns it.
        ColumnType::Text if values().all(is_month) => Role::Time,
        ColumnType::Text | ColumnType::Boolean => Role::Category,
        // A number that names something is no amount.
        ColumnType::Integer if name == "id" || name.ends_with("_id") => Role::Other,
        ColumnType::Integer if ["year", "month", "quarter", "week"].contains(&name.as_str()) => Role::Category,
        ColumnType::Integer | ColumnType::Real => Role::Number,
        ColumnType::Blob | ColumnType::Unknown => Role::Other,
    }
}

fn is_month(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}
