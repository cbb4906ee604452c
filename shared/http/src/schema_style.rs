//! Publishes schemas in the subset of JSON Schema that generators of clients support.
//!
//! - No `default`: openapi-typescript makes a field with a default required, so its clients would send `null` where
//!   null removes. The description states what applies if a field is omitted.
//! - An enumeration is `enum`: openapi-python-client reads only the first of several `const`.
//! - A schema is an object: `items: true` is valid, but openapi-python-client rejects the document.
//! - The maximum of an integer type is published, because larger values are rejected.

use serde_json::{Map, Value, json};

/// Keywords of a schema that contain one schema.
const ONE: [&str; 5] = ["items", "additionalProperties", "contains", "not", "contentSchema"];
/// Keywords of a schema that contain a list of schemas.
const LIST: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
/// Keywords of a schema that contain schemas by name.
const MAP: [&str; 3] = ["properties", "patternProperties", "$defs"];

/// Converts a schema, and all schemas inside it, to the published style.
pub(crate) fn publish(schema: &mut Value) {
    each_schema(schema, &mut |schema| {
        enumeration(schema);
        default_into_words(schema);
        integer_range(schema);
        plain_description(schema);
    });
}

/// Returns the schema of a parameter: an absent value is omitted, never null, and a default makes nothing required.
pub(crate) fn publish_parameter(schema: &mut Value) {
    let default = schema.get("default").filter(|value| !value.is_null()).cloned();
    if let Some(rules) = schema.as_object_mut() {
        rules.remove("default");
    }
    publish(schema);
    without_null(schema);
    if let Some(default) = default {
        schema["default"] = default;
    }
}

/// Calls `act` for a schema and for all schemas inside it, the inner ones first.
fn each_schema(schema: &mut Value, act: &mut impl FnMut(&mut Map<String, Value>)) {
    if schema == &Value::Bool(true) {
        *schema = json!({});
    }
    let Some(rules) = schema.as_object_mut() else { return };
    for word in ONE {
        if let Some(inner) = rules.get_mut(word) {
            // `additionalProperties: true` is supported everywhere.
            if word != "additionalProperties" || inner.is_object() {
                each_schema(inner, act);
            }
        }
    }
    for word in LIST {
        let inner = rules.get_mut(word).and_then(Value::as_array_mut);
        inner.into_iter().flatten().for_each(|inner| each_schema(inner, act));
    }
    for word in MAP {
        let inner = rules.get_mut(word).and_then(Value::as_object_mut);
        inner
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(|inner| each_schema(inner, act));
    }
    act(rules);
}

/// Converts a choice of constants into `enum`, and their descriptions into a list in the description.
fn enumeration(rules: &mut Map<String, Value>) {
    let Some(word) = ["oneOf", "anyOf"].into_iter().find(|word| rules.contains_key(*word)) else {
        return;
    };
    let choices = rules[word].as_array().map_or(&[][..], Vec::as_slice);
    let values = |choice: &Value| -> Option<Vec<Value>> {
        let constant = choice.get("const").map(|value| vec![value.clone()]);
        let values = constant.or_else(|| choice.get("enum")?.as_array().cloned())?;
        values.iter().all(Value::is_string).then_some(values)
    };
    let Some(all) = choices
        .iter()
        .map(values)
        .collect::<Option<Vec<_>>>()
        .filter(|all| !all.is_empty())
    else {
        return;
    };
    let mut words: Vec<String> = rules
        .get("description")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .into_iter()
        .collect();
    let descriptions = choices.iter().zip(&all).filter_map(|(choice, values)| {
        let [value] = values.as_slice() else { return None };
        let text = choice.get("description")?.as_str()?.replace('\n', " ");
        Some(format!("- `{}`: {text}", value.as_str()?))
    });
    let descriptions: Vec<String> = descriptions.collect();
    if !descriptions.is_empty() {
        words.push(descriptions.join("\n"));
    }
    rules.remove(word);
    rules.insert("type".to_owned(), json!("string"));
    rules.insert("enum".to_owned(), all.into_iter().flatten().collect());
    if !words.is_empty() {
        rules.insert("description".to_owned(), json!(words.join("\n\n")));
    }
}

/// Moves a default into the description, unless it is an empty value.
fn default_into_words(rules: &mut Map<String, Value>) {
    let Some(default) = rules.remove("default") else { return };
    if let Value::Bool(_) | Value::Number(_) = default {
        let text = rules.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{text}\n\n`{default}` if omitted.").trim().to_owned();
        rules.insert("description".to_owned(), json!(text));
    }
}

/// Adds the range of an integer type, unless its field has a narrower one.
fn integer_range(rules: &mut Map<String, Value>) {
    let largest = match rules.get("format").and_then(Value::as_str) {
        Some("uint8") => u64::from(u8::MAX),
        Some("uint16") => u64::from(u16::MAX),
        Some("uint32") => u64::from(u32::MAX),
        Some("uint" | "uint64") => i64::MAX.unsigned_abs(),
        _ => return,
    };
    rules.entry("maximum").or_insert_with(|| largest.into());
    rules.entry("minimum").or_insert_with(|| 0.into());
}

/// Converts ``[`crate::OrgRole`]``, a link of rustdoc, to `` `OrgRole` ``.
fn plain_description(rules: &mut Map<String, Value>) {
    let Some(Value::String(text)) = rules.get_mut("description") else {
        return;
    };
    let mut rest = text.as_str();
    let mut plain = String::new();
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else {
            break;
        };
        let name = name.rsplit("::").next().unwrap_or(name);
        plain.extend([before, "`", name, "`"]);
        rest = after;
    }
    plain.push_str(rest);
    *text = plain;
}

/// Removes null from the values of a schema.
fn without_null(schema: &mut Value) {
    let null = json!({"type": "null"});
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let others: Vec<&Value> = choices.iter().filter(|choice| **choice != null).collect();
        if let [Value::Object(only)] = others.as_slice() {
            let mut only = only.clone();
            if let Some(rules) = schema.as_object_mut() {
                rules.remove("anyOf");
                // The description of the field precedes that of its type.
                if rules.contains_key("description") {
                    let kind = only.remove("description");
                    let own = rules.get("description").and_then(Value::as_str).unwrap_or_default();
                    let values = kind
                        .as_ref()
                        .and_then(Value::as_str)
                        .and_then(|text| text.find("- `").map(|at| &text[at..]));
                    let text = values.map_or_else(|| own.to_owned(), |values| format!("{own}\n\n{values}"));
                    rules.insert("description".to_owned(), json!(text));
                }
                rules.extend(only);
            }
        }
    }
    if let Some(Value::Array(types)) = schema.get("type") {
        let others: Vec<Value> = types.iter().filter(|name| *name != "null").cloned().collect();
        schema["type"] = match <[Value; 1]>::try_from(others) {
            Ok([only]) => only,
            Err(others) => Value::Array(others),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(mut schema: Value) -> Value {
        publish(&mut schema);
        schema
    }

    #[test]
    fn a_choice_of_constants_is_an_enumeration_with_descriptions() {
        let schema = json!({"description": "A role ([`crate::OrgRole`]).", "oneOf": [
            {"type": "string", "enum": ["a", "b"]},
            {"type": "string", "const": "c", "description": "The third."},
        ]});
        let expected = json!({
            "type": "string",
            "enum": ["a", "b", "c"],
            "description": "A role (`OrgRole`).\n\n- `c`: The third.",
        });
        assert_eq!(published(schema), expected);
        let choice = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
        assert_eq!(published(choice.clone()), choice);
    }

    #[test]
    fn no_schema_has_a_default_or_is_a_boolean() {
        let schema = json!({
            "properties": {
                "default": {"type": ["string", "null"], "default": null},
                "stream": {"type": "boolean", "default": false, "description": "Piece by piece."},
                "list": {"items": true},
                "any": true,
            },
            "additionalProperties": true,
        });
        let expected = json!({
            "properties": {
                "default": {"type": ["string", "null"]},
                "stream": {"type": "boolean", "description": "Piece by piece.\n\n`false` if omitted."},
                "list": {"items": {}},
                "any": {},
            },
            "additionalProperties": true,
        });
        assert_eq!(published(schema), expected);
    }

    #[test]
    fn an_integer_is_within_its_type_and_its_rule() {
        let schema = json!({"anyOf": [
            {"type": "integer", "format": "uint8"},
            {"type": "integer", "format": "uint32", "minimum": 1, "maximum": 20},
        ]});
        assert_eq!(
            published(schema)["anyOf"],
            json!([
                {"type": "integer", "format": "uint8", "maximum": 255, "minimum": 0},
                {"type": "integer", "format": "uint32", "minimum": 1, "maximum": 20},
            ])
        );
    }

    #[test]
    fn a_parameter_is_never_null_and_keeps_its_default() {
        let mut schema = json!({"description": "Which.", "anyOf": [
            {"description": "A scope.", "oneOf": [{"type": "string", "const": "own", "description": "Mine."}]},
            {"type": "null"},
        ]});
        publish_parameter(&mut schema);
        let expected = json!({"description": "Which.\n\n- `own`: Mine.", "type": "string", "enum": ["own"]});
        assert_eq!(schema, expected);
        let mut schema = json!({"type": ["integer", "null"], "default": 3});
        publish_parameter(&mut schema);
        assert_eq!(schema, json!({"type": "integer", "default": 3}));
    }
}
