//! Reads the YAML of CloudFormation as JSON: a short tag becomes its long form, `!Ref X` is `{"Ref": "X"}` and
//! `!GetAtt X.Arn` is `{"Fn::GetAtt": ["X", "Arn"]}`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>

use std::path::Path;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Reads a template.
///
/// # Panics
/// When the file is missing or is not YAML: the test that reads it fails with that sentence.
pub(crate) fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    documents.first().map_or(Value::Null, json_of)
}

fn json_of(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(scalar) => json_of_scalar(scalar),
        Yaml::Sequence(items) => items.iter().map(json_of).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter().map(|(name, value)| (text_of(name), json_of(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, inner) => intrinsic(&tag.suffix, &json_of(inner)),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("unreadable YAML node: {node:?}"),
    }
}

fn json_of_scalar(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => json!(value),
        Scalar::Integer(value) => json!(value),
        Scalar::FloatingPoint(value) => json!(value.into_inner()),
        Scalar::String(value) => json!(value),
    }
}

fn text_of(name: &Yaml<'_>) -> String {
    match json_of(name) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn intrinsic(tag: &str, value: &Value) -> Value {
    match (tag, value) {
        ("Ref" | "Condition", _) => json!({ tag: value }),
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => json!({ "Fn::GetAtt": [resource, attribute] }),
            None => panic!("!GetAtt {path} names no attribute"),
        },
        _ => json!({ format!("Fn::{tag}"): value }),
    }
}

/// One line for a value that CloudFormation computes: `X`, `X.Arn`, or the text of a `!Sub`.
pub(crate) fn reference(value: &Value) -> String {
    if let Some(name) = value["Ref"].as_str() {
        return name.to_owned();
    }
    if let [Value::String(resource), Value::String(attribute)] = value["Fn::GetAtt"].as_array().map_or(&[][..], |a| a) {
        return format!("{resource}.{attribute}");
    }
    if let Some(text) = value["Fn::Sub"].as_str() {
        return text.to_owned();
    }
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A list, or one value in place of a list of one.
pub(crate) fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

#[test]
fn short_tags_read_like_their_long_form() {
    let yaml = "{a: !Ref X, b: !GetAtt X.Arn, c: !Sub 'n-${X}', d: !If [C, 1, !Ref 'AWS::NoValue'], e: [!Not [x]]}";
    let documents = Yaml::load_from_str(yaml).expect("the sample is YAML");
    let expected = json!({
        "a": { "Ref": "X" },
        "b": { "Fn::GetAtt": ["X", "Arn"] },
        "c": { "Fn::Sub": "n-${X}" },
        "d": { "Fn::If": ["C", 1, { "Ref": "AWS::NoValue" }] },
        "e": [{ "Fn::Not": ["x"] }],
    });
    assert_eq!(json_of(&documents[0]), expected);
}
