//! Compresses long texts of an item: DynamoDB charges each write by the kilobyte
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-use-s3-too.html>), and prose shrinks to half.
//!
//! Attributes that no expression refers to are merged into one, [`PACKED`], and restored when the item is read.

use std::io::{Read as _, Write as _};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{Error, Result};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde_json::{Map, Value};

use crate::table::item::{Item, value};

/// Deflated JSON (RFC 1951, RFC 8259): attributes by their names.
const PACKED: &str = "packed";
/// Largest item, in bytes, that costs one write unit uncompressed.
const UNIT: usize = 1024;

/// Compresses these attributes of an item that costs more than one unit, if that makes it smaller.
pub(crate) fn pack(mut item: Item, names: &[&str]) -> Result<Item> {
    if item.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>() <= UNIT {
        return Ok(item);
    }
    let mut words = Map::new();
    for name in names {
        if let Some(value) = item.get(*name) {
            let value = serde_dynamo::from_attribute_value(value.clone()).map_err(Error::internal)?;
            words.insert((*name).to_owned(), value);
        }
    }
    let plain = serde_json::to_vec(&words).map_err(Error::internal)?;
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&plain).map_err(Error::internal)?;
    let packed = packed.finish().map_err(Error::internal)?;
    if packed.len() < plain.len() {
        item.retain(|name, _| !names.contains(&name.as_str()));
        item.insert(PACKED.to_owned(), AttributeValue::B(Blob::new(packed)));
    }
    Ok(item)
}

/// Restores the compressed attributes of an item, if there are any.
pub(crate) fn unpack(item: &mut Item) -> Result<()> {
    let Some(packed) = item.remove(PACKED) else {
        return Ok(());
    };
    let packed = packed.as_b().map_err(|_| Error::internal("what is packed is bytes"))?;
    let mut plain = Vec::new();
    let mut unpacked = DeflateDecoder::new(packed.as_ref());
    unpacked.read_to_end(&mut plain).map_err(Error::internal)?;
    let words: Map<String, Value> = serde_json::from_slice(&plain).map_err(Error::internal)?;
    for (name, word) in words {
        item.insert(name, value(&word)?);
    }
    Ok(())
}

/// Returns about how many bytes a value counts.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => list.iter().map(|value| size(value) + 1).sum(),
        AttributeValue::M(map) => map.iter().map(|(name, value)| name.len() + size(value) + 1).sum(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        _ => 1,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::table::item::s;

    fn item(words: &str) -> Item {
        let answers = json!([{"text": words, "tokens": u64::MAX, "cost": null, "share": 0.1, "cited": true, "at": -1}]);
        let item = [
            ("pk", s("S#1")),
            ("question", s("Why? \u{1f914}")),
            ("answers", value(&answers).unwrap()),
        ];
        item.map(|(name, value)| (name.to_owned(), value)).into()
    }

    #[test]
    fn long_texts_shrink_and_are_restored() {
        let long = item(&"Because the machine says so, \"quoted\"\n in all its languages. ".repeat(40));
        let mut packed = pack(long.clone(), &["question", "answers"]).unwrap();
        assert_eq!(packed.len(), 2, "{packed:?}");
        assert!(packed["packed"].as_b().unwrap().as_ref().len() < 300);
        unpack(&mut packed).unwrap();
        assert_eq!(packed, long);
        unpack(&mut packed).unwrap();
        assert_eq!(packed, long, "what is not packed stays");
    }

    #[test]
    fn short_and_incompressible_texts_stay() {
        let short = item("Because.");
        assert_eq!(pack(short.clone(), &["question", "answers"]).unwrap(), short);
        let other = item(&"Because. ".repeat(200));
        assert_eq!(pack(other.clone(), &["notes"]).unwrap(), other);
    }
}
