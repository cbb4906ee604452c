//! JSON that clients make up.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, value::RawValue};

/// An object of JSON that a client made up and gets back as it was: its text is kept, so that numbers have all their
/// digits and names their order. What others may fail to read (too many levels, numbers beyond a double) is none.
#[derive(Debug, Clone)]
pub struct JsonObject(Box<RawValue>);

impl JsonObject {
    /// Most levels of objects and lists, its own included: many a reader takes 128, of all that it is a part of.
    pub const MAX_LEVELS: usize = 100;

    /// Its text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Reads a text.
    ///
    /// # Errors
    /// When it is no object, or cannot be read.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// How many entries it has.
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
        // There is text for every map: its names are texts.
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
            return Err(D::Error::custom("has to be an object"));
        }
        let readable = serde_json::from_str(raw.get()).is_ok_and(|value| levels(&value) <= Self::MAX_LEVELS);
        if readable {
            return Ok(Self(raw));
        }
        Err(D::Error::custom(format!(
            "has to have at most {} levels, numbers that fit into a double, and whole characters",
            Self::MAX_LEVELS
        )))
    }
}

/// How deep objects and lists are nested.
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

/// Keeps an object as a text: attributes of `DynamoDB` hold neither all of its numbers nor all of its names, and only 32
/// levels (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub(crate) mod as_text {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(json: &JsonObject, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(json.text())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JsonObject, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => JsonObject::parse(&text).map_err(D::Error::custom),
            // Of a release that kept it as a map.
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
