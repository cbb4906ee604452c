//! What the rows of a query say, in a sentence that is made of them alone.

use serde_json::Value;
use sql_engine::ResultSet;

/// Number of columns of a row that are told.
const TOLD_COLUMNS: usize = 4;

/// Returns the sentence.
pub(super) fn of(result: &ResultSet) -> String {
    match result.rows.as_slice() {
        [] => "No rows match.".to_owned(),
        [row] => match row.as_slice() {
            [value] => {
                let name = result.columns.first().map_or("result", |column| column.name.as_str());
                format!("{}: {}.", said_name(name), said(value))
            }
            values => format!("{}.", told(result, values)),
        },
        [first, ..] => {
            let count = match (result.truncated, result.rows.len()) {
                (true, count) => format!("More than {count} rows"),
                (false, count) => format!("{count} rows"),
            };
            format!("{count}. The first: {}.", told(result, first))
        }
    }
}

/// Returns the values of a row with their names.
fn told(result: &ResultSet, row: &[Value]) -> String {
    let values = result.columns.iter().zip(row).take(TOLD_COLUMNS);
    let values: Vec<String> = values
        .map(|(column, value)| format!("{} {}", said_name(&column.name), said(value)))
        .collect();
    values.join(", ")
}

fn said_name(name: &str) -> String {
    name.replace('_', " ")
}

/// Returns a value for people: numbers with groups of digits and two decimals at most.
fn said(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.chars().take(100).collect(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => grouped(&whole.to_string()),
            (None, Some(real)) => {
                let text = format!("{real:.2}");
                let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
                match fraction.trim_end_matches('0') {
                    "" => grouped(whole),
                    _ => format!("{}.{fraction}", grouped(whole)),
                }
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Returns a whole number with a comma between groups of three digits; years stay as they are.
fn grouped(number: &str) -> String {
    let digits = number.trim_start_matches('-');
    if digits.len() <= 4 {
        return number.to_owned();
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number.starts_with('-') {
        format!("-{text}")
    } else {
        text
    }
}
