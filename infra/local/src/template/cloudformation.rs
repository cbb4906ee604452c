//! Reads the YAML of CloudFormation as JSON: a short tag becomes its long form, `!Ref X` is `{"Ref": "X"}` and
//! `!GetAtt X.Arn` is `{"Fn::GetAtt": ["X", "Arn"]}`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

use super::TemplateError;

/// The first YAML document of a text.
pub(super) fn parse(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| TemplateError(error.to_string()))?;
    documents.first().map_or(Ok(Value::Null), json_of)
}

fn json_of(node: &Yaml<'_>) -> Result<Value, TemplateError> {
    match node {
        Yaml::Value(scalar) => Ok(json_of_scalar(scalar)),
        Yaml::Sequence(items) => items.iter().map(json_of).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| Ok((text_of(name)?, json_of(value)?)));
            entries.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Yaml::Tagged(tag, inner) => intrinsic(&tag.suffix, &json_of(inner)?),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            Err(TemplateError(format!("unreadable YAML node: {node:?}")))
        }
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

fn text_of(name: &Yaml<'_>) -> Result<String, TemplateError> {
    Ok(match json_of(name)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

fn intrinsic(tag: &str, value: &Value) -> Result<Value, TemplateError> {
    match (tag, value) {
        ("Ref" | "Condition", _) => Ok(json!({ tag: value })),
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => Ok(json!({ "Fn::GetAtt": [resource, attribute] })),
            None => Err(TemplateError(format!("!GetAtt {path} names no attribute"))),
        },
        _ => Ok(json!({ format!("Fn::{tag}"): value })),
    }
}

/// What the name of a table ends with that was restored; there are none here.
const RESTORED: &str = "${RestoredTables}";

/// One line for a value that CloudFormation computes: `X`, `X.Arn`, or the text of a `!Sub`.
pub(super) fn reference(value: &Value) -> String {
    if let Some(name) = value["Ref"].as_str() {
        return name.to_owned();
    }
    if let [Value::String(resource), Value::String(attribute)] = value["Fn::GetAtt"].as_array().map_or(&[][..], |a| a) {
        return format!("{resource}.{attribute}");
    }
    // A parameter that is not set here decides between the two: the resource of the stack itself.
    if let [_, _, own] = value["Fn::If"].as_array().map_or(&[][..], |branches| branches) {
        return reference(own);
    }
    if let Some(text) = value["Fn::Sub"].as_str() {
        let text = text.replace(RESTORED, "");
        let name = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
        return name
            .filter(|name| !name.contains(['{', ':']))
            .unwrap_or(&text)
            .to_owned();
    }
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The logical id that a `!Ref` or `!GetAtt` points to.
pub(super) fn logical_id(value: &Value) -> String {
    reference(value).split('.').next().unwrap_or_default().to_owned()
}

/// A list, or one value in place of a list of one.
pub(super) fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The text of a scalar; empty for anything else.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
fn short_tags_read_like_their_long_form() {
    let yaml = "{a: !Ref X, b: !GetAtt X.Arn, c: !Sub 'n-${X}', d: !If [C, 1, !Ref 'AWS::NoValue'], e: [!Not [x]]}";
    let expected = json!({
        "a": { "Ref": "X" },
        "b": { "Fn::GetAtt": ["X", "Arn"] },
        "c": { "Fn::Sub": "n-${X}" },
        "d": { "Fn::If": ["C", 1, { "Ref": "AWS::NoValue" }] },
        "e": [{ "Fn::Not": ["x"] }],
    });
    assert_eq!(parse(yaml).expect("the sample is YAML"), expected);
}
