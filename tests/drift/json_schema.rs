//! As much of JSON Schema 2020-12 as the `OpenAPI` document uses.

use regex::Regex;
use serde_json::Value;

/// Why `value` is not what `schema` of `document` describes; nothing if it is.
pub(super) fn errors(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        return check(document, target.unwrap(), value, at, found);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut fits = choices.iter().map(|choice| errors(document, choice, value));
        if !fits.any(|errors| errors.is_empty()) {
            found.push(format!("{at}: none of the choices fits {value}"));
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(document, part, value, at, found);
    }
    let mut refuse = |rule: &str| found.push(format!("{at}: {value} against {rule} of {schema}"));
    if let Some(name) = schema.get("type")
        && !types(name).any(|name| is_of(value, name))
    {
        return refuse("type");
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        refuse("enum");
    }
    let within = |size: f64, least: &str, most: &str| {
        schema[least].as_f64().is_none_or(|least| size >= least)
            && schema[most].as_f64().is_none_or(|most| size <= most)
    };
    match value {
        Value::Number(number) if !within(number.as_f64().unwrap(), "minimum", "maximum") => refuse("range"),
        Value::String(text) => {
            if !within(count(text.chars()), "minLength", "maxLength") {
                refuse("length");
            }
            if schema["pattern"]
                .as_str()
                .is_some_and(|pattern| !matches(pattern, text))
            {
                refuse("pattern");
            }
        }
        Value::Array(items) => {
            if !within(count(items), "minItems", "maxItems") {
                refuse("length");
            }
            for (index, item) in items.iter().enumerate() {
                check(document, &schema["items"], item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            let required = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let missing: Vec<_> = required.filter(|name| !fields.contains_key(*name)).collect();
            if !missing.is_empty() {
                refuse(&format!("required {missing:?}"));
            }
            for (name, field) in fields {
                let known = schema["properties"].get(name);
                let other = schema.get("additionalProperties").filter(|other| other.is_object());
                match known.or(other) {
                    Some(schema) => check(document, schema, field, &format!("{at}/{name}"), found),
                    None if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() => {
                        found.push(format!("{at}/{name}: is no field of {schema}"));
                    }
                    None => {}
                }
            }
        }
        _ => {}
    }
}

fn count(items: impl IntoIterator) -> f64 {
    f64::from(u32::try_from(items.into_iter().count()).unwrap())
}

fn types(names: &Value) -> impl Iterator<Item = &str> {
    let many = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.as_str().into_iter().chain(many)
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("{name} is no type"),
    }
}

/// Patterns are those of ECMA-262; `regex` writes their escapes with braces.
fn matches(pattern: &str, text: &str) -> bool {
    let escapes = Regex::new(r"\\u([0-9a-f]{4})").unwrap();
    let pattern = escapes.replace_all(pattern, r"\x{$1}");
    Regex::new(&pattern).unwrap().is_match(text)
}
