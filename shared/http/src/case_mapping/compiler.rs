//! Compiles JSON schemas into the graph that texts are matched against.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::{Node, OPAQUE, fold};

/// Extension of a schema without `additionalProperties`: names that are ignored instead of rejected.
const IGNORED: &str = "x-ignored";

/// Compiles schemas into nodes. A node represents a set of schemas that may apply to one value (`anyOf`, `$ref` ...),
/// as in the subset construction of automata, so recursion in types ends.
pub(super) struct Compiler<'a> {
    root: &'a Value,
    nodes: Vec<Node>,
    known: HashMap<Vec<*const Value>, usize>,
}

impl<'a> Compiler<'a> {
    /// Returns the nodes of a root schema.
    pub(super) fn compile(root: &'a Value) -> Vec<Node> {
        let mut compiler = Self {
            root,
            nodes: vec![Node::default()],
            known: HashMap::new(),
        };
        if compiler.node(vec![root]) == OPAQUE {
            compiler.nodes.push(Node::default());
        }
        compiler.nodes
    }

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
            object_only: !fields.is_empty() && !all.iter().any(|schema| allows(schema, "array")),
            required: required(&all),
            closed: all.iter().find_map(|schema| closed(schema)),
            ..Node::default()
        };
        let mut ambiguous = HashSet::new();
        for (name, inner) in fields {
            let is_required = all.iter().any(|schema| list(schema, "required").any(|one| one == name));
            if !is_required
                && !self
                    .applicable(inner.clone())
                    .iter()
                    .any(|schema| allows(schema, "null"))
            {
                node.omitted_by_null.insert(name.to_owned());
            }
            node.fields.insert(name.to_owned(), self.node(inner));
            if node.folded.insert(fold(name), name.to_owned()).is_some() {
                ambiguous.insert(fold(name));
            }
        }
        node.folded.retain(|folded, _| !ambiguous.contains(folded));
        self.nodes[id] = node;
        id
    }

    /// Returns `schemas` and all schemas that they refer to or consist of, each once.
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

/// Returns the ignored names of an object that allows only declared fields; `None` if it allows others.
fn closed(schema: &Value) -> Option<HashSet<String>> {
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    is_closed.then(|| list(schema, IGNORED).filter_map(Value::as_str).map(fold).collect())
}

/// Returns whether a schema by itself allows a value of `kind` (`array`, `null`). One that only refers to others does
/// not: they decide.
fn allows(schema: &Value, kind: &str) -> bool {
    let Some(rules) = schema.as_object() else {
        return schema == &Value::Bool(true);
    };
    match rules.get("type") {
        Some(Value::Array(types)) => types.iter().any(|name| name == kind),
        Some(name) => name == kind,
        None => !["$ref", "anyOf", "oneOf", "allOf", "properties", "enum", "const"]
            .iter()
            .any(|word| rules.contains_key(*word)),
    }
}

fn object<'a>(schema: &'a Value, word: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    schema.get(word).and_then(Value::as_object).into_iter().flatten()
}

/// Returns the required fields, each once.
fn required(schemas: &[&Value]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in schemas
        .iter()
        .flat_map(|schema| list(schema, "required"))
        .filter_map(Value::as_str)
    {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn list<'a>(schema: &'a Value, word: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(word).and_then(Value::as_array).into_iter().flatten()
}
