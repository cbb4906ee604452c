//! The schemas of the `OpenAPI` document: one component per distinct schema, whatever type, API style or direction
//! it comes from.

use std::collections::{BTreeMap, HashMap};

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::{
    api_style::{ApiStyle, camel},
    case_mapping::Direction,
    schema_style,
};

/// The target of references in the finished document.
const COMPONENTS: &str = "#/components/schemas/";

/// Collects schemas: one generator for each API style and direction.
pub(crate) struct Schemas(Vec<Source>);

struct Source {
    style: ApiStyle,
    direction: Direction,
    /// The prefix of references into this generator.
    prefix: String,
    /// Suffix of a name that another schema already has.
    suffix: &'static str,
    generator: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let kinds = [
            (ApiStyle::Snake, Direction::Out, ""),
            (ApiStyle::Snake, Direction::In, "Input"),
            (ApiStyle::Camel, Direction::Out, "Camel"),
            (ApiStyle::Camel, Direction::In, "CamelInput"),
        ];
        let source = |(index, (style, direction, suffix)): (usize, (ApiStyle, Direction, &'static str))| Source {
            style,
            direction,
            suffix,
            prefix: format!("#/source{index}/"),
            generator: direction
                .settings()
                .with(|s| s.definitions_path = format!("/source{index}").into())
                .into_generator(),
        };
        Self(kinds.into_iter().enumerate().map(source).collect())
    }
}

/// Returns the schema of `T`, which requests contain, with everything it refers to inlined.
pub(crate) fn inline<T: JsonSchema>() -> Value {
    Direction::In
        .settings()
        .with(|s| s.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

impl Schemas {
    /// Returns the schema of `T`, usually a reference that [`Schemas::finish`] resolves.
    pub(crate) fn subschema<T: JsonSchema>(&mut self, style: ApiStyle, direction: Direction) -> Value {
        let source = self
            .0
            .iter_mut()
            .find(|source| source.style == style && source.direction == direction);
        let mut schema = source
            .map(|source| source.generator.subschema_for::<T>().to_value())
            .unwrap_or_default();
        if style == ApiStyle::Camel {
            camel_names(&mut schema);
        }
        schema_style::publish(&mut schema);
        schema
    }

    /// Names every schema and points all references in `document` to it; returns the components.
    pub(crate) fn finish(mut self, document: &mut Value) -> Map<String, Value> {
        // By reference: base name, suffix and schema.
        let mut found: BTreeMap<String, (String, &'static str, Value)> = BTreeMap::new();
        for source in &mut self.0 {
            for (name, mut schema) in source.generator.take_definitions(true) {
                if source.style == ApiStyle::Camel {
                    camel_names(&mut schema);
                }
                schema_style::publish(&mut schema);
                found.insert(format!("{}{name}", source.prefix), (name, source.suffix, schema));
            }
        }
        let mut names: HashMap<String, String> = HashMap::new();
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        for (reference, (base, suffix, _)) in &found {
            let meaning = meaning(reference, &found, &mut Vec::new()).to_string();
            let mut choices = [base.clone(), format!("{base}{suffix}")]
                .into_iter()
                .chain((2..).map(|n| format!("{base}{suffix}{n}")));
            let free = |name: &String| taken.get(name).is_none_or(|other| *other == meaning);
            let name = choices.find(free).unwrap_or_default();
            taken.insert(name.clone(), meaning);
            names.insert(reference.clone(), format!("{COMPONENTS}{name}"));
        }
        let mut components: BTreeMap<String, Value> = BTreeMap::new();
        for (reference, (_, _, mut schema)) in found {
            point(&mut schema, &names);
            let name = names
                .get(&reference)
                .and_then(|link| link.strip_prefix(COMPONENTS))
                .unwrap_or_default();
            components.entry(name.to_owned()).or_insert(schema);
        }
        point(document, &names);
        components.into_iter().collect()
    }
}

/// Returns a schema with every reference replaced by its target: equal for schemas with the same meaning.
fn meaning(reference: &str, found: &BTreeMap<String, (String, &'static str, Value)>, open: &mut Vec<String>) -> Value {
    let Some((base, _, schema)) = found.get(reference) else {
        return Value::Null;
    };
    if open.iter().any(|outer| outer == reference) {
        return Value::String(format!("recursive {base}"));
    }
    open.push(reference.to_owned());
    let mut schema = schema.clone();
    each_reference(&mut schema, &mut |inner| {
        *inner = meaning(inner.as_str().unwrap_or_default(), found, open);
    });
    open.pop();
    schema
}

fn point(value: &mut Value, names: &HashMap<String, String>) {
    each_reference(value, &mut |reference| {
        if let Some(name) = reference.as_str().and_then(|reference| names.get(reference)) {
            *reference = Value::String(name.clone());
        }
    });
}

fn each_reference(value: &mut Value, act: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(map) => {
            for (word, inner) in map {
                if word == "$ref" && inner.is_string() {
                    act(inner);
                } else {
                    each_reference(inner, act);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, act)),
        _ => {}
    }
}

/// Converts the property names of a schema to `camelCase`, as [`crate::case_mapping::Shape::to_camel`] does with
/// values.
fn camel_names(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    for (word, inner) in schema.iter_mut() {
        match (word.as_str(), inner) {
            ("properties", Value::Object(fields)) => {
                let renamed = std::mem::take(fields).into_iter().map(|(name, mut field)| {
                    camel_names(&mut field);
                    (camel(&name), field)
                });
                *fields = renamed.collect();
            }
            ("required", Value::Array(names)) => {
                for name in names {
                    *name = name.as_str().map(camel).into();
                }
            }
            ("patternProperties" | "$defs", Value::Object(inner)) => inner.values_mut().for_each(camel_names),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(inner)) => {
                inner.iter_mut().for_each(camel_names);
            }
            ("items" | "additionalProperties", inner) => camel_names(inner),
            _ => {}
        }
    }
}
