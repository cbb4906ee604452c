//! The document of one spelling, for readers and generators of clients.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::api_style::ApiStyle;

/// The spelling of a part of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `/api/v1` and everything else in `snake_case`.
    SnakeCase,
    /// `/api` in `camelCase`.
    CamelCase,
}

impl Spelling {
    /// Returns the part of `document`, as [`crate::openapi`] generates it, that is in this spelling.
    pub fn part_of(self, document: &Value) -> Value {
        let style = match self {
            Self::SnakeCase => ApiStyle::Snake,
            Self::CamelCase => ApiStyle::Camel,
        };
        let mut part = document.clone();
        retain(&mut part["paths"], |path| ApiStyle::of(path) == style);
        let tags: BTreeSet<String> = operations(&part)
            .filter_map(|operation| Some(operation["tags"][0].as_str()?.to_owned()))
            .collect();
        if let Some(all) = part["tags"].as_array_mut() {
            all.retain(|tag| tag["name"].as_str().is_some_and(|name| tags.contains(name)));
        }
        // What is sent to webhooks has one spelling.
        if let (Self::CamelCase, Some(part)) = (self, part.as_object_mut()) {
            part.remove("webhooks");
        }
        let mut named = names_in(&part["paths"], document);
        named.extend(names_in(&part["webhooks"], document));
        for kind in ["schemas", "responses"] {
            retain(&mut part["components"][kind], |name| {
                named.contains(&format!("#/components/{kind}/{name}"))
            });
        }
        part
    }
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let items = document["paths"].as_object().into_iter().flat_map(Map::values);
    items.filter_map(Value::as_object).flat_map(Map::values)
}

fn retain(map: &mut Value, keep: impl Fn(&str) -> bool) {
    if let Some(map) = map.as_object_mut() {
        map.retain(|name, _| keep(name));
    }
}

/// Returns all references in `value`, and in what they refer to.
fn names_in(value: &Value, document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str)
                    && found.insert(reference.to_owned())
                {
                    open.extend(
                        reference
                            .strip_prefix('#')
                            .and_then(|pointer| document.pointer(pointer)),
                    );
                }
                open.extend(map.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}
