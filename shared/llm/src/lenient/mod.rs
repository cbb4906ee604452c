//! Tolerant reading of what providers send: a field that an answer does not need never makes it fail.
//!
//! No function returns an error for a value of the wrong type: an unreadable value counts as missing. Errors are only
//! what would make the answer itself wrong: a truncated event of JSON, because text is lost with it, and a failure that
//! a provider reports instead of an answer ([`failure`]).

mod events;
mod failure;
mod usage;

use serde_json::Value;

pub(crate) use events::{Item, items};
pub(crate) use failure::{failure, is_failure, remark, sounds_like_failure};
pub(crate) use usage::{CallEstimate, Counts, counts};

/// Text of an answer, and thinking beside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Text for the reader.
    pub(crate) text: String,
    /// Reasoning, which is not part of the answer.
    pub(crate) thought: String,
}

impl Words {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.thought.is_empty()
    }
}

/// Returns the first of these fields that is not empty; null if there is none.
pub(crate) fn field<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    let filled = |value: &&Value| !is_empty(value);
    names
        .iter()
        .map(|name| &value[*name])
        .find(filled)
        .unwrap_or(&Value::Null)
}

/// Returns whether a value is empty: null, false, an empty text, list or object.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Returns the first element of a list: that with the index 0 if elements have one, because only one is requested.
/// Returns any other value itself.
pub(crate) fn first(value: &Value) -> &Value {
    let is_first = |value: &&Value| !value.is_null() && value["index"].as_u64().unwrap_or(0) == 0;
    match value {
        Value::Array(values) => values.iter().find(is_first).unwrap_or(&Value::Null),
        other => other,
    }
}

/// Returns a word such as a reason or a type: a text that is not blank.
pub(crate) fn word(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|word| !word.is_empty())
}

/// Returns the text in a message's content: a text, a part, or a list of both. Parts of an unknown type are read for
/// their `text`, and are empty without one.
pub(crate) fn words(content: &Value) -> Words {
    let mut words = Words::default();
    collect(content, false, &mut words);
    words
}

fn collect(content: &Value, is_thought: bool, words: &mut Words) {
    let target = if is_thought {
        &mut words.thought
    } else {
        &mut words.text
    };
    match content {
        Value::Null => {}
        Value::String(text) => target.push_str(text),
        // A server that decodes its model's output turns "7" into a number.
        Value::Number(number) => target.push_str(&number.to_string()),
        Value::Bool(value) => target.push_str(if *value { "true" } else { "false" }),
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, is_thought, words)),
        Value::Object(part) => {
            let kind = part.get("type").and_then(word).unwrap_or_default();
            let is_thought = is_thought
                || part.get("thought").is_some_and(|flag| *flag == true)
                || ["thinking", "reasoning", "thought"]
                    .iter()
                    .any(|name| kind.contains(name));
            let is_other = kind.contains("tool") || kind.contains("function");
            for name in ["text", "content", "parts", "value", "refusal"] {
                match part.get(name) {
                    Some(inner) if !is_other && !is_empty(inner) => return collect(inner, is_thought, words),
                    _ => {}
                }
            }
            for name in [
                "summary",
                "thinking",
                "reasoning_content",
                "reasoning",
                "reasoningContent",
                "reasoningText",
            ] {
                match part.get(name) {
                    // Only a summary of thinking is relevant; any other is not part of an answer.
                    Some(_) if name == "summary" && !is_thought => {}
                    Some(inner) if !is_other && !is_empty(inner) => return collect(inner, true, words),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(content: &Value) -> (String, String) {
        let words = words(content);
        (words.text, words.thought)
    }

    #[test]
    fn content_is_a_text_a_part_or_a_list_of_both() {
        for (content, text, thought) in [
            (json!("Hello"), "Hello", ""),
            (json!(["Hel", "lo"]), "Hello", ""),
            (json!([{"type": "text", "text": "Hel"}, "lo", null]), "Hello", ""),
            (
                json!({"type": "output_text", "text": "Hello", "annotations": null}),
                "Hello",
                "",
            ),
            (json!({"type": "text", "text": {"value": "Hello"}}), "Hello", ""),
            (json!({"parts": [{"text": "Hello"}]}), "Hello", ""),
            (
                json!([{"type": "image_url", "image_url": {"url": "x"}}, {"text": "Hello"}]),
                "Hello",
                "",
            ),
            (
                json!([{"type": "tool_use", "input": {"text": "x"}, "text": "x"}]),
                "",
                "",
            ),
            (json!(7), "7", ""),
            (json!(null), "", ""),
            (json!({"unknown": 1}), "", ""),
            // Content of Magistral.
            (
                json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Hello"}]),
                "Hello",
                "Hm.",
            ),
            (json!({"thinking": "Hm."}), "", "Hm."),
            (
                json!({"reasoningContent": {"reasoningText": {"text": "Hm."}}}),
                "",
                "Hm.",
            ),
            (
                json!([{"text": "Hm.", "thought": true}, {"text": "Hello"}]),
                "Hello",
                "Hm.",
            ),
        ] {
            assert_eq!(read(&content), (text.to_owned(), thought.to_owned()), "{content}");
        }
    }
}
