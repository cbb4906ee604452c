//! The data of an event: JSON, an end mark, or words that are neither.

use serde_json::{Deserializer, Value};

/// What stands in the data of an event.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// An object of JSON.
    Value(Value),
    /// `[DONE]`.
    End,
    /// Words that are no JSON: a sign of life, or a failure in plain text.
    Text(String),
}

/// What the data of an event holds; most hold one object. Several lines may hold one each, where a server forgets the
/// empty line between two events, and a list holds one in each place.
///
/// # Errors
/// What is wrong with JSON that is cut or damaged: words of the answer may be lost with it.
pub(crate) fn items(data: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let whole: Result<Vec<Value>, _> = Deserializer::from_str(data).into_iter().collect();
    match whole {
        Ok(values) => values.into_iter().for_each(|value| add(value, &mut items)),
        Err(error) => {
            for line in data.lines() {
                read_line(line, &mut items).map_err(|()| error.to_string())?;
            }
        }
    }
    Ok(items)
}

fn read_line(line: &str, items: &mut Vec<Item>) -> Result<(), ()> {
    // Some gateways write the name of the field twice.
    let mut line = line.trim();
    while let Some(rest) = line.strip_prefix("data:") {
        line = rest.trim();
    }
    let is_end = line.eq_ignore_ascii_case("[DONE]");
    if is_end {
        items.push(Item::End);
    } else if let Ok(value) = serde_json::from_str(line) {
        add(value, items);
    } else if line.starts_with(['{', '[', '"', '}', ']']) {
        return Err(());
    } else if !line.is_empty() {
        items.push(Item::Text(line.to_owned()));
    }
    Ok(())
}

fn add(value: Value, items: &mut Vec<Item>) {
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| add(value, items)),
        Value::String(text) => items.push(Item::Text(text)),
        value @ Value::Object(_) => items.push(Item::Value(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_read_however_it_is_written() {
        let (one, two) = (|| Item::Value(json!({"a": 1})), || Item::Value(json!({"b": 2})));
        let text = |text: &str| Item::Text(text.to_owned());
        for (data, expected) in [
            ("", vec![]),
            (" \n ", vec![]),
            ("null", vec![]),
            ("5", vec![]),
            ("ping", vec![text("ping")]),
            ("\"overloaded\"", vec![text("overloaded")]),
            ("[DONE]", vec![Item::End]),
            (" [done] ", vec![Item::End]),
            ("{\"a\":1}", vec![one()]),
            ("data: {\"a\":1}", vec![one()]),
            ("{\"a\":\n1}", vec![one()]),
            ("[{\"a\":1},{\"b\":2}]", vec![one(), two()]),
            ("{\"a\":1}\n{\"b\":2}\n[DONE]", vec![one(), two(), Item::End]),
            ("{\"a\":1}{\"b\":2}", vec![one(), two()]),
            ("keep-alive\n{\"a\":1}", vec![text("keep-alive"), one()]),
        ] {
            assert_eq!(items(data), Ok(expected), "{data}");
        }
    }

    #[test]
    fn json_that_is_cut_is_an_error_because_words_are_lost_with_it() {
        for data in ["{\"a\":", "{\"a\":1}\n{\"b\"", "[{\"a\":1}", "\"cut", "{\"a\":1}}"] {
            assert!(items(data).is_err(), "{data}");
        }
    }
}
