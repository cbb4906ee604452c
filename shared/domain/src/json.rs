//! Arbitrary JSON from clients.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, value::RawValue};

/// A client's JSON object that is returned unchanged. Its text is stored, so numbers preserve all digits and names
/// their order. Objects that other readers may reject (too many levels, numbers beyond a double) are not accepted.
#[derive(Debug, Clone)]
pub struct JsonObject(Box<RawValue>);

impl JsonObject {
    /// Maximum nesting depth of objects and arrays, including the object itself. Many parsers allow 128 for the whole
    /// document that contains it.
    pub const MAX_LEVELS: usize = 100;

    /// Returns its text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Parses a text.
    ///
    /// # Errors
    /// Returns an error if it is not an object or cannot be parsed.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Returns the number of entries.
    pub fn entries(&self) -> usize {
        serde_json::from_str::<Map<String, Value>>(self.text()).map_or(0, |entries| entries.len())
    }
}

impl Default for JsonObject {
    fn default() -> Self {
        Self::from(&Map::new())
    }
}

impl From<&Map<String, Value>> for JsonObject {
    fn from(map: &Map<String, Value>) -> Self {
        // Every map can be serialized: its names are strings.
        let text = serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned());
        Self(RawValue::from_string(text).unwrap_or_default())
    }
}

impl PartialEq for JsonObject {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(D::Error::custom("must be an object"));
        }
        let readable = serde_json::from_str(raw.get()).is_ok_and(|value| levels(&value) <= Self::MAX_LEVELS);
        if readable {
            return Ok(Self(raw));
        }
        Err(D::Error::custom(format!(
            "must have at most {} levels, numbers that fit into a double, and whole characters",
            Self::MAX_LEVELS
        )))
    }
}

/// Returns the nesting depth of objects and arrays.
fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

impl JsonSchema for JsonObject {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Map::<String, Value>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Map::<String, Value>::json_schema(generator)
    }
}

/// Stores an object as text: `DynamoDB` attributes hold neither all of its numbers nor all of its names, and at most 32
/// levels (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub(crate) mod as_text {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(json: &JsonObject, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(json.text())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JsonObject, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => JsonObject::parse(&text).map_err(D::Error::custom),
            // Written by a release that stored it as a map.
            Value::Object(map) => Ok(JsonObject::from(&map)),
            _ => Err(D::Error::custom("neither a text nor a map")),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_text() {
        let text = r#"{"b":1e-200,"":0.30000000000000004,"a":123456789012345678901234567890,"b":-0}"#;
        let read = JsonObject::parse(text).unwrap();
        assert_eq!(
            (read.text(), serde_json::to_string(&read).unwrap()),
            (text, text.to_owned())
        );
        assert_eq!(read.entries(), 3);
        assert_eq!(JsonObject::default().text(), "{}");
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        let nested = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(JsonObject::parse(&nested(100)).is_ok());
        for text in [
            "[]",
            "1",
            "null",
            r#"{"x":1e400}"#,
            r#"{"x":"\ud800"}"#,
            &nested(101),
            &nested(5_000),
        ] {
            assert!(JsonObject::parse(text).is_err(), "{text}");
        }
    }
}
