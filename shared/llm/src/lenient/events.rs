//! The data of an event: JSON, an end mark, or plain text.

use serde_json::{Deserializer, Value};

/// An element of the data of an event.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// A JSON object.
    Value(Value),
    /// `[DONE]`.
    End,
    /// Text that is not JSON: a sign of life, or a failure in plain text.
    Text(String),
}

/// Returns the elements in the data of an event; most have one object. Several lines may contain one each, if a server
/// omits the empty line between two events, and a list contains one in each position.
///
/// # Errors
/// What is wrong with truncated or damaged JSON, with which text of the answer may be lost.
pub(crate) fn items(data: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let whole: Result<Vec<Value>, _> = Deserializer::from_str(data).into_iter().collect();
    match whole {
        Ok(values) => values.into_iter().for_each(|value| add(value, &mut items)),
        Err(error) => {
            if let Ok(value) = serde_json::from_str(&repaired(data)) {
                add(value, &mut items);
                return Ok(items);
            }
            for line in data.lines() {
                read_line(line, &mut items).map_err(|()| error.to_string())?;
            }
        }
    }
    Ok(items)
}

fn read_line(line: &str, items: &mut Vec<Item>) -> Result<(), ()> {
    // Some gateways write the field name twice.
    let mut line = line.trim();
    while let Some(rest) = line.strip_prefix("data:") {
        line = rest.trim();
    }
    let is_end = line.eq_ignore_ascii_case("[DONE]");
    if is_end {
        items.push(Item::End);
    } else if let Ok(value) = serde_json::from_str(line).or_else(|_| serde_json::from_str(&repaired(line))) {
        add(value, items);
    } else if line.starts_with(['{', '[', '"', '}', ']']) && !is_bracketed_word(line) {
        return Err(());
    } else if !line.is_empty() {
        items.push(Item::Text(line.to_owned()));
    }
    Ok(())
}

/// Returns whether a line is a word in brackets, such as `[HEARTBEAT]`, and not JSON.
fn is_bracketed_word(line: &str) -> bool {
    let inner = line
        .strip_prefix(['[', '{'])
        .and_then(|rest| rest.strip_suffix([']', '}']));
    inner.is_some_and(|word| {
        let mut letters = word.trim().chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.all(|c| c.is_alphanumeric() || " _-".contains(c))
    })
}

/// Repairs constructs that JSON does not allow but some programs write: `NaN`, `Infinity`, numbers that are too large,
/// raw control characters in a string, and unpaired surrogates.
fn repaired(data: &str) -> String {
    let mut out = String::with_capacity(data.len());
    let mut rest = data;
    let mut is_text = false;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if is_text {
            match c {
                '\\' => {
                    length += rest[1..].chars().next().map_or(0, char::len_utf8);
                    match surrogate(rest) {
                        Some(0xD800..=0xDBFF) if matches!(rest.get(6..).and_then(surrogate), Some(0xDC00..=0xDFFF)) => {
                            length = 12;
                            out.push_str(&rest[..12]);
                        }
                        Some(0xD800..=0xDFFF) => {
                            length = 6;
                            out.push('\u{fffd}');
                        }
                        _ => out.push_str(&rest[..length]),
                    }
                }
                // Escaped as in JSON.
                c if c.is_control() => out.extend(serde_json::to_string(&c).iter().map(|text| text.trim_matches('"'))),
                c => {
                    is_text = c != '"';
                    out.push(c);
                }
            }
        } else if c == '"' {
            is_text = true;
            out.push(c);
        } else if c.is_ascii_alphanumeric() || matches!(c, '-' | '+') {
            length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+' | '.'))
                .unwrap_or(rest.len());
            let word = &rest[..length];
            let is_value = serde_json::from_str::<Value>(word).is_ok();
            let is_number = word
                .trim_start_matches(['-', '+'])
                .starts_with(|c: char| c.is_ascii_digit());
            let is_none = ["nan", "infinity", "inf", "none", "undefined"]
                .contains(&word.trim_start_matches(['-', '+']).to_ascii_lowercase().as_str());
            out.push_str(if !is_value && (is_number || is_none) {
                "null"
            } else {
                word
            });
        } else {
            out.push(c);
        }
        rest = &rest[length..];
    }
    out
}

/// Returns the code unit of an escape such as `\ud83d`.
fn surrogate(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
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
            ("[HEARTBEAT]", vec![text("[HEARTBEAT]")]),
            ("{ping}", vec![text("{ping}")]),
        ] {
            assert_eq!(items(data), Ok(expected), "{data}");
        }
    }

    #[test]
    fn what_json_does_not_have_is_read_as_it_was_meant() {
        for (data, expected) in [
            (
                r#"{"a":1,"b":-Infinity,"c":NaN,"d":1e999}"#,
                json!({"a": 1, "b": null, "c": null, "d": null}),
            ),
            ("{\"a\":\"x\ty\"}", json!({"a": "x\ty"})),
            (
                r#"{"a":"Hi \ud83d","b":"\ud83d\ude00 NaN","c":"\ude00"}"#,
                json!({"a": "Hi \u{fffd}", "b": "😀 NaN", "c": "\u{fffd}"}),
            ),
        ] {
            assert_eq!(items(data), Ok(vec![Item::Value(expected)]), "{data}");
        }
    }

    #[test]
    fn json_that_is_cut_is_an_error_because_words_are_lost_with_it() {
        for data in ["{\"a\":", "{\"a\":1}\n{\"b\"", "[{\"a\":1}", "\"cut", "{\"a\":1}}"] {
            assert!(items(data).is_err(), "{data}");
        }
    }
}
