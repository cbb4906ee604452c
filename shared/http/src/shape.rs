//! The field names of a type, taken from its JSON schema, and renaming of keys by them.
//!
//! Only names that the type declares are touched: the keys of a free-form map stay as the client wrote them.
//! Text is copied, never parsed and written again, so numbers and strings come out byte for byte.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::{invalid::escape, surface::camel};

/// Which way the values of a type go: their fields may differ (`#[serde(skip_serializing)]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// Read from a request.
    In,
    /// Written into an answer.
    Out,
}

impl Direction {
    /// How schemas of this direction are generated: JSON Schema 2020-12, which `OpenAPI` 3.1 uses.
    pub(crate) fn settings(self) -> SchemaSettings {
        let settings = SchemaSettings::draft2020_12();
        match self {
            Self::In => settings.for_deserialize(),
            Self::Out => settings.for_serialize(),
        }
    }
}

/// A graph of the objects that a JSON text of some type may hold.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    nodes: Vec<Node>,
}

/// An object, array or union of them. Node 0 is opaque: nothing inside is renamed.
#[derive(Debug, Default)]
struct Node {
    /// By the name in the schema.
    fields: HashMap<String, usize>,
    /// Names in the schema by their folded form; left out when two names fold to the same.
    folded: HashMap<String, String>,
    items: usize,
    prefix: Vec<usize>,
    values: usize,
    /// Whether it is an object and never a list.
    object_only: bool,
}

const OPAQUE: usize = 0;
const ROOT: usize = 1;

/// The shape of requests of `T`, made once.
pub(crate) fn input<T: JsonSchema + 'static>() -> Arc<Shape> {
    cached(TypeId::of::<T>(), Direction::In, || root_schema::<T>(Direction::In))
}

/// The shape of answers of `T`, made once.
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

/// How names are compared: case and underscores do not count.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .filter(|letter| *letter != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

impl Shape {
    /// The shape that a root schema describes.
    pub(crate) fn compile(root: &Value) -> Self {
        let mut compiler = Compiler {
            root,
            nodes: vec![Node::default()],
            known: HashMap::new(),
        };
        if compiler.node(vec![root]) == OPAQUE {
            compiler.nodes.push(Node::default());
        }
        Self { nodes: compiler.nodes }
    }

    /// The declared name of a top-level field that a client wrote as `key`.
    pub(crate) fn canonical(&self, key: &str) -> Option<&str> {
        let node = &self.nodes[ROOT];
        match node.fields.get_key_value(key) {
            Some((name, _)) => Some(name),
            None => node.folded.get(&fold(key)).map(String::as_str),
        }
    }

    /// `json` with every spelling of a declared name replaced by that name. `json` has to be valid.
    pub(crate) fn to_declared(&self, json: &[u8]) -> Vec<u8> {
        self.rename(json, |node, key| match node.fields.get_key_value(key) {
            Some((name, child)) => (name.clone(), *child),
            None => match node.folded.get(&fold(key)) {
                Some(name) => (name.clone(), node.fields[name]),
                None => (key.to_owned(), node.values),
            },
        })
    }

    /// Where a list stands in an object's place, which serde would read as its fields in their order: a JSON pointer.
    /// `json` has to be valid and in declared names.
    pub(crate) fn misplaced_list(&self, json: &[u8]) -> Option<String> {
        if !json.contains(&b'[') {
            return None;
        }
        let value: Value = serde_json::from_slice(json).ok()?;
        self.misplaced_in(ROOT, &value, String::new())
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

    /// `json` with every declared name in `camelCase`. `json` has to be valid.
    pub(crate) fn to_camel(&self, json: &[u8]) -> Vec<u8> {
        self.rename(json, |node, key| match node.fields.get(key) {
            Some(child) => (camel(key), *child),
            None => (key.to_owned(), node.values),
        })
    }

    fn rename(&self, json: &[u8], rule: impl Fn(&Node, &str) -> (String, usize)) -> Vec<u8> {
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
                        let (name, next) = rule(&self.nodes[*node], &key);
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
        out
    }

    fn item(&self, node: usize, index: usize) -> usize {
        let node = &self.nodes[node];
        node.prefix.get(index).copied().unwrap_or(node.items)
    }
}

/// An object or array that is being copied. Levels are kept on the heap: nesting is the client's choice.
struct Level {
    node: usize,
    array: bool,
    index: usize,
    awaits_key: bool,
    child: usize,
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

/// Turns schemas into nodes. A node stands for a set of schemas that may apply to one value (`anyOf`, `$ref` ...),
/// as in the subset construction of automata, so recursion in types ends.
struct Compiler<'a> {
    root: &'a Value,
    nodes: Vec<Node>,
    known: HashMap<Vec<*const Value>, usize>,
}

impl<'a> Compiler<'a> {
    fn node(&mut self, schemas: Vec<&'a Value>) -> usize {
        let all = self.applicable(schemas);
        let key: Vec<*const Value> = all.iter().map(|schema| std::ptr::from_ref(*schema)).collect();
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let mut fields: BTreeMap<&str, Vec<&'a Value>> = BTreeMap::new();
        let (mut items, mut values): (Vec<&'a Value>, Vec<&'a Value>) = (Vec::new(), Vec::new());
        let mut prefix: Vec<Vec<&'a Value>> = Vec::new();
        for schema in &all {
            for (name, field) in object(schema, "properties") {
                fields.entry(name).or_default().push(field);
            }
            values.extend(schema.get("additionalProperties").filter(|inner| inner.is_object()));
            values.extend(object(schema, "patternProperties").map(|(_, inner)| inner));
            items.extend(schema.get("items").filter(|inner| inner.is_object()));
            for (index, inner) in list(schema, "prefixItems").enumerate() {
                prefix.resize(prefix.len().max(index + 1), Vec::new());
                prefix[index].push(inner);
            }
        }
        if fields.is_empty() && items.is_empty() && values.is_empty() && prefix.is_empty() {
            self.known.insert(key, OPAQUE);
            return OPAQUE;
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        self.known.insert(key, id);
        let mut node = Node {
            items: self.node(items),
            values: self.node(values),
            prefix: prefix.into_iter().map(|inner| self.node(inner)).collect(),
            object_only: !fields.is_empty() && !all.iter().any(|schema| allows_lists(schema)),
            ..Node::default()
        };
        let mut ambiguous = HashSet::new();
        for (name, inner) in fields {
            node.fields.insert(name.to_owned(), self.node(inner));
            if node.folded.insert(fold(name), name.to_owned()).is_some() {
                ambiguous.insert(fold(name));
            }
        }
        node.folded.retain(|folded, _| !ambiguous.contains(folded));
        self.nodes[id] = node;
        id
    }

    /// `schemas` and everything they refer to or are made of, each once.
    fn applicable(&self, mut open: Vec<&'a Value>) -> Vec<&'a Value> {
        let mut seen: Vec<&'a Value> = Vec::new();
        while let Some(schema) = open.pop() {
            if seen.iter().any(|known| std::ptr::eq(*known, schema)) {
                continue;
            }
            seen.push(schema);
            let target = schema
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|link| link.strip_prefix('#'));
            open.extend(target.and_then(|pointer| self.root.pointer(pointer)));
            for word in ["anyOf", "oneOf", "allOf"] {
                open.extend(list(schema, word));
            }
        }
        seen.sort_by_key(|schema| std::ptr::from_ref(*schema));
        seen
    }
}

/// Whether a schema by itself lets a list in. One that only refers to others leaves it to them.
fn allows_lists(schema: &Value) -> bool {
    let Some(rules) = schema.as_object() else {
        return schema == &Value::Bool(true);
    };
    match rules.get("type") {
        Some(Value::Array(types)) => types.iter().any(|name| name == "array"),
        Some(name) => name == "array",
        None => !["$ref", "anyOf", "oneOf", "allOf", "properties", "enum", "const"]
            .iter()
            .any(|word| rules.contains_key(*word)),
    }
}

fn object<'a>(schema: &'a Value, word: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    schema.get(word).and_then(Value::as_object).into_iter().flatten()
}

fn list<'a>(schema: &'a Value, word: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(word).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
#[expect(dead_code, reason = "the types are read through their schemas only")]
mod tests;
