//! The field names of a type, derived from its JSON schema, and renaming of keys by them.
//!
//! Only names that the type declares are renamed: the keys of a free-form map stay as the client wrote them.
//! Text is copied, never parsed and serialized again, so numbers and strings are preserved byte for byte.

mod compiler;

use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use self::compiler::Compiler;
use crate::{api_style::camel, invalid::escape};

/// The direction of a type's values: their fields may differ (`#[serde(skip_serializing)]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// Deserialized from a request.
    In,
    /// Serialized into a response.
    Out,
}

impl Direction {
    /// Returns how schemas of this direction are generated: JSON Schema 2020-12, which `OpenAPI` 3.1 uses.
    pub(crate) fn settings(self) -> SchemaSettings {
        let settings = SchemaSettings::draft2020_12();
        match self {
            Self::In => settings.for_deserialize(),
            Self::Out => settings.for_serialize(),
        }
    }
}

/// A JSON text with declared names.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) text: Vec<u8>,
    /// Whether the text differs from the client's.
    pub(crate) is_changed: bool,
    /// Whether [`Shape::misplaced_list`] or [`Shape::unknown_fields`] may find something in it.
    pub(crate) is_suspect: bool,
}

/// A graph of the objects that a JSON text of a type may contain.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    nodes: Vec<Node>,
}

/// An object, an array or a union of them. Node 0 is opaque: nothing inside is renamed.
#[derive(Debug, Default)]
struct Node {
    /// Children by the name in the schema.
    fields: HashMap<String, usize>,
    /// Names in the schema by their folded form; omitted if two names fold to the same.
    folded: HashMap<String, String>,
    items: usize,
    prefix: Vec<usize>,
    values: usize,
    /// Whether it is an object and never a list.
    object_only: bool,
    /// Optional fields that are not nullable: null counts as omitted.
    omitted_by_null: HashSet<String>,
    /// Required fields.
    required: Vec<String>,
    /// Set if undeclared fields are rejected: the folded names of those that are ignored nevertheless.
    closed: Option<HashSet<String>>,
}

const OPAQUE: usize = 0;
const ROOT: usize = 1;

/// Returns the shape of requests of `T`, computed once.
pub(crate) fn input<T: JsonSchema + 'static>() -> Arc<Shape> {
    cached(TypeId::of::<T>(), Direction::In, || root_schema::<T>(Direction::In))
}

/// Returns the shape of responses of `T`, computed once.
pub(crate) fn output<T: JsonSchema + 'static>() -> Arc<Shape> {
    cached(TypeId::of::<T>(), Direction::Out, || root_schema::<T>(Direction::Out))
}

fn root_schema<T: JsonSchema>(direction: Direction) -> Value {
    direction
        .settings()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn cached(id: TypeId, direction: Direction, schema: fn() -> Value) -> Arc<Shape> {
    type Cache = RwLock<HashMap<(TypeId, Direction), Arc<Shape>>>;
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);
    let key = (id, direction);
    if let Some(shape) = CACHE.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return shape.clone();
    }
    let shape = Arc::new(Shape::compile(&schema()));
    CACHE
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(key)
        .or_insert(shape)
        .clone()
}

/// Returns the form in which names are compared: case and underscores do not count.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .filter(|letter| *letter != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

impl Shape {
    /// Returns the shape that a root schema describes.
    pub(crate) fn compile(root: &Value) -> Self {
        Self {
            nodes: Compiler::compile(root),
        }
    }

    /// Returns the declared name of a top-level field that a client wrote as `key`.
    pub(crate) fn canonical(&self, key: &str) -> Option<&str> {
        let node = &self.nodes[ROOT];
        match node.fields.get_key_value(key) {
            Some((name, _)) => Some(name),
            None => node.folded.get(&fold(key)).map(String::as_str),
        }
    }

    /// Returns the declared names of the top level.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes[ROOT].fields.keys().map(String::as_str)
    }

    /// Returns whether an object without fields is valid.
    pub(crate) fn is_wholly_optional(&self) -> bool {
        self.nodes[ROOT].object_only && self.nodes[ROOT].required.is_empty()
    }

    /// Returns the declared names of required fields that are missing in `json`, which must use declared names.
    pub(crate) fn missing_fields(&self, json: &[u8]) -> Vec<&str> {
        let fields: serde_json::Map<String, Value> = serde_json::from_slice(json).unwrap_or_default();
        let required = self.nodes[ROOT].required.iter().map(String::as_str);
        required.filter(|name| !fields.contains_key(*name)).collect()
    }

    /// Returns `json` with every spelling of a declared name replaced by that name, and without the nulls of optional
    /// fields. What is returned for invalid JSON may be valid if it was changed.
    pub(crate) fn to_declared(&self, json: &[u8]) -> Declared {
        let mut is_suspect = false;
        let all = |node: &Node, name: &String| (name.clone(), node.fields[name], node.omitted_by_null.contains(name));
        let (text, has_misplaced_list) = self.rename(json, |node, key| match node.fields.get_key_value(key) {
            Some((name, _)) => all(node, name),
            None => {
                if let Some(name) = node.folded.get(&fold(key)) {
                    all(node, name)
                } else {
                    is_suspect |= node.closed.is_some();
                    (key.to_owned(), node.values, false)
                }
            }
        });
        Declared {
            is_changed: text != json,
            is_suspect: is_suspect || has_misplaced_list,
            text,
        }
    }

    /// Returns the unknown fields where only declared ones are allowed: their JSON pointers, with the names declared
    /// there. `value` must use declared names.
    pub(crate) fn unknown_fields(&self, value: &Value) -> Vec<(String, Vec<&str>)> {
        let mut found = Vec::new();
        self.unknown_in(ROOT, value, "", &mut found);
        found
    }

    fn unknown_in<'a>(&'a self, node: usize, value: &Value, at: &str, found: &mut Vec<(String, Vec<&'a str>)>) {
        let here = &self.nodes[node];
        match value {
            _ if node == OPAQUE => {}
            Value::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    self.unknown_in(self.item(node, index), inner, &format!("{at}/{index}"), found);
                }
            }
            Value::Object(fields) => {
                for (name, inner) in fields {
                    let pointer = format!("{at}/{}", escape(name));
                    match (here.fields.get(name), &here.closed) {
                        (Some(child), _) => self.unknown_in(*child, inner, &pointer, found),
                        (None, Some(ignored)) if !ignored.contains(&fold(name)) => {
                            let mut known: Vec<&str> = here.fields.keys().map(String::as_str).collect();
                            known.sort_unstable();
                            found.push((pointer, known));
                        }
                        (None, Some(_)) => {}
                        (None, None) => self.unknown_in(here.values, inner, &pointer, found),
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the JSON pointer of a list in place of an object, which serde would read as its fields in order.
    /// `value` must use declared names.
    pub(crate) fn misplaced_list(&self, value: &Value) -> Option<String> {
        self.misplaced_in(ROOT, value, String::new())
    }

    fn misplaced_in(&self, node: usize, value: &Value, at: String) -> Option<String> {
        let here = &self.nodes[node];
        match value {
            _ if node == OPAQUE => None,
            Value::Array(_) if here.object_only => Some(at),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, inner)| self.misplaced_in(self.item(node, index), inner, format!("{at}/{index}"))),
            Value::Object(fields) => fields.iter().find_map(|(name, inner)| {
                let child = here.fields.get(name).copied().unwrap_or(here.values);
                self.misplaced_in(child, inner, format!("{at}/{}", escape(name)))
            }),
            _ => None,
        }
    }

    /// Returns `json` with every declared name in `camelCase`. `json` must be valid.
    pub(crate) fn to_camel(&self, json: &[u8]) -> Vec<u8> {
        let (text, _) = self.rename(json, |node, key| match node.fields.get(key) {
            Some(child) => (camel(key), *child, false),
            None => (key.to_owned(), node.values, false),
        });
        text
    }

    /// `rule`: for an object and a key in it, the new name, the node of the value, and whether the entry is omitted if
    /// the value is null. Returns also whether there is a list in place of an object.
    fn rename(&self, json: &[u8], mut rule: impl FnMut(&Node, &str) -> (String, usize, bool)) -> (Vec<u8>, bool) {
        let mut has_misplaced_list = false;
        let mut out = Vec::with_capacity(json.len() + 64);
        let mut stack: Vec<Level> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = json.get(at) {
            let mut end = at + 1;
            match byte {
                b'"' => {
                    end = end_of_string(json, at);
                    if let Some(Level {
                        node,
                        awaits_key: awaits_key @ true,
                        child,
                        ..
                    }) = stack.last_mut()
                    {
                        let key: String = serde_json::from_slice(&json[at..end]).unwrap_or_default();
                        let (name, next, omits_null) = rule(&self.nodes[*node], &key);
                        if let Some(behind) = end_of_null_entry(json, end).filter(|_| omits_null) {
                            at = behind;
                            // It was the last entry: removes the comma before it.
                            if json.get(at) == Some(&b'}') {
                                let kept = out.iter().rposition(|byte: &u8| !byte.is_ascii_whitespace());
                                out.truncate(kept.filter(|&last| out[last] == b',').unwrap_or(out.len()));
                            }
                            continue;
                        }
                        (*child, *awaits_key) = (next, false);
                        if name != key {
                            out.extend(serde_json::to_vec(&name).unwrap_or_default());
                            at = end;
                            continue;
                        }
                    }
                }
                b'{' | b'[' => {
                    let node = stack.last().map_or(ROOT, |level| level.child);
                    let array = byte == b'[';
                    has_misplaced_list |= array && self.nodes[node].object_only;
                    let child = if array { self.item(node, 0) } else { OPAQUE };
                    stack.push(Level {
                        node,
                        array,
                        index: 0,
                        awaits_key: !array,
                        child,
                    });
                }
                b'}' | b']' => drop(stack.pop()),
                b',' => match stack.last_mut() {
                    Some(level) if level.array => {
                        level.index += 1;
                        level.child = self.item(level.node, level.index);
                    }
                    Some(level) => level.awaits_key = true,
                    None => {}
                },
                _ => {}
            }
            out.extend_from_slice(&json[at..end]);
            at = end;
        }
        (out, has_misplaced_list)
    }

    fn item(&self, node: usize, index: usize) -> usize {
        let node = &self.nodes[node];
        node.prefix.get(index).copied().unwrap_or(node.items)
    }
}

/// An object or array being copied. Levels are on the heap, because the client chooses the nesting.
struct Level {
    node: usize,
    array: bool,
    index: usize,
    awaits_key: bool,
    child: usize,
}

/// Returns where the next entry of an object, or its end, begins if `at` is after a key whose value is null.
fn end_of_null_entry(json: &[u8], at: usize) -> Option<usize> {
    let skip = |mut at: usize| {
        while json.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    let colon = skip(at);
    let value = skip(colon + 1);
    if json.get(colon) != Some(&b':') || json.get(value..value + 4) != Some(b"null") {
        return None;
    }
    let end = skip(value + 4);
    match json.get(end) {
        Some(b',') => Some(skip(end + 1)),
        Some(b'}') => Some(end),
        _ => None,
    }
}

fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

#[cfg(test)]
#[expect(dead_code, reason = "only the schemas of the types are used")]
mod tests;
